import { type Link, LinkOver, type LinkSink } from '../../vconn/link.js'
import { withdrawn } from './request.js'

/**
 * An origin's link in a tunnel that is not inspected, and in which nothing has passed yet. The client's first bytes end the tunnel
 * if its https parent was revoked before.
 */
export class SilentLink extends LinkOver<Link> {
  readonly #holds: () => boolean
  #hasSpoken = false

  /** @param holds whether the way to the origin may still be used */
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
    if (!this.#hasSpoken && !this.#holds()) this.under.destroy(withdrawn())
    this.#hasSpoken = true
    return this.under.isClosed || this.under.write(bytes)
  }
}
