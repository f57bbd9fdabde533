import type { ProxyError } from '../base/errors.js'
import type { Link, LinkSink } from './link.js'

/** A link over another one, all of which goes through as it is. Whoever changes something of it overrides that. */
export class LinkOver<L extends Link> implements Link {
  protected readonly under: L

  constructor(under: L) {
    this.under = under
  }

  get localAddress(): string {
    return this.under.localAddress
  }

  get remoteAddress(): string {
    return this.under.remoteAddress
  }

  get isClosed(): boolean {
    return this.under.isClosed
  }

  attach(sink: LinkSink): void {
    this.under.attach(sink)
  }

  write(bytes: Uint8Array): boolean {
    return this.under.write(bytes)
  }

  pause(): void {
    this.under.pause()
  }

  resume(): void {
    this.under.resume()
  }

  end(): void {
    this.under.end()
  }

  destroy(cause?: ProxyError): void {
    this.under.destroy(cause)
  }
}
