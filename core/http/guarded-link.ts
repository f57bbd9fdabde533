import { ProxyError } from '../base/errors.js'
import { PassingCertificate } from '../tls/passing-certificate.js'
import type { Link, LinkSink } from '../vconn/link.js'

/**
 * An origin's link through which only the verified certificate passes. When another one comes, or what is no TLS, the
 * link is destroyed before a byte of it has gone on.
 */
export class GuardedLink implements Link {
  readonly #link: Link
  readonly #certificate: PassingCertificate

  constructor(link: Link, leafSha256: string) {
    this.#link = link
    this.#certificate = new PassingCertificate(leafSha256)
  }

  get localAddress(): string {
    return this.#link.localAddress
  }

  get remoteAddress(): string {
    return this.#link.remoteAddress
  }

  get isClosed(): boolean {
    return this.#link.isClosed
  }

  attach(sink: LinkSink): void {
    this.#link.attach({
      onData: bytes => this.#onData(bytes, sink),
      onDrain: () => sink.onDrain(),
      onEnd: () => sink.onEnd(),
      onClose: cause => sink.onClose(cause),
    })
  }

  write(bytes: Uint8Array): boolean {
    return this.#link.write(bytes)
  }

  pause(): void {
    this.#link.pause()
  }

  resume(): void {
    this.#link.resume()
  }

  end(): void {
    this.#link.end()
  }

  destroy(cause?: ProxyError): void {
    this.#link.destroy(cause)
  }

  #onData(bytes: Buffer, sink: LinkSink): void {
    if (this.#certificate.isDone) return sink.onData(bytes)
    if (this.#link.isClosed) return
    try {
      const passed = this.#certificate.pass(bytes)
      if (passed.length > 0) sink.onData(passed)
    } catch (cause) {
      const known = cause instanceof ProxyError ? cause : undefined
      this.#link.destroy(
        known ?? new ProxyError('PTC_INTERNAL', 'the tunnel could not be watched', { cause }),
      )
    }
  }
}
