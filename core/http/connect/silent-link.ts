import type { Link, LinkSink } from '../../vconn/link.js'
import { EMPTY, WatchedLink } from './guarded-link.js'
import { withdrawn } from './request.js'

/**
 * An origin's link in a tunnel that is not inspected, and in which nothing has passed yet. The client's first bytes end it where
 * what it rests on does not hold any more.
 */
export class SilentLink extends WatchedLink {
  readonly #holds: () => boolean
  #hasSpoken = false

  constructor(link: Link, holds: () => boolean) {
    super(link)
    this.#holds = holds
  }

  override attach(sink: LinkSink): void {
    this.under.attach({
      onData: bytes => {
        this.#hasSpoken = true
        sink.onData(bytes)
      },
      onDrain: () => sink.onDrain(),
      onEnd: () => sink.onEnd(),
      onClose: cause => sink.onClose(cause),
    })
  }

  override write(bytes: Uint8Array): boolean {
    if (!this.#hasSpoken) this.guarded(() => this.#first())
    return this.under.isClosed || this.under.write(bytes)
  }

  #first(): Buffer {
    if (!this.#holds()) throw withdrawn()
    this.#hasSpoken = true
    return EMPTY
  }
}
