import { toProxyError } from '../../base/edge.js'
import { PassingCertificate } from '../../tls/sniff/passing-certificate.js'
import { type FirstHello, RepeatedHello } from '../../tls/sniff/repeated-hello.js'
import { type Link, LinkOver, type LinkSink } from '../../vconn/link.js'

export const EMPTY = Buffer.alloc(0)

/** A link of a tunnel that inspects bytes before they pass. */
export class WatchedLink extends LinkOver<Link> {
  /** The bytes that may pass. None on a closed link; an inspection that fails closes the link. */
  protected guarded(pass: () => Buffer): Buffer {
    if (this.under.isClosed) return EMPTY
    try {
      return pass()
    } catch (cause) {
      this.under.destroy(toProxyError(cause, 'the tunnel could not be watched'))
      return EMPTY
    }
  }
}

/**
 * An origin's link through which only the handshake passes that was verified: towards the client the verified certificate,
 * towards the origin ClientHellos for one name. When another one comes, or what is no TLS, the link is destroyed before a
 * byte of it has gone on.
 */
export class GuardedLink extends WatchedLink {
  readonly #certificate: PassingCertificate
  readonly #hello: RepeatedHello

  /**
   * @param leafSha256 of the verified leaf; undefined where none was verified, and every certificate passes
   * @param first the ClientHello that is about to be written
   */
  constructor(link: Link, leafSha256: string | undefined, first: FirstHello) {
    super(link)
    this.#hello = new RepeatedHello(first)
    this.#certificate = new PassingCertificate(leafSha256)
  }

  override attach(sink: LinkSink): void {
    this.under.attach({
      onData: bytes => this.#onData(bytes, sink),
      onDrain: () => sink.onDrain(),
      onEnd: () => sink.onEnd(),
      onClose: cause => sink.onClose(cause),
    })
  }

  override write(bytes: Uint8Array): boolean {
    if (this.#hello.isDone) return this.under.write(bytes)
    return this.#writeHello(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  }

  #onData(bytes: Buffer, sink: LinkSink): void {
    if (this.#certificate.isDone) return sink.onData(bytes)
    const passed = this.guarded(() => this.#certificate.pass(bytes))
    // First, so that a client which has the answer finds nothing of its own still held back.
    if (!this.#hello.isDone && this.#certificate.answer !== 'none') this.#writeHello(EMPTY)
    if (passed.length > 0 && !this.under.isClosed) sink.onData(passed)
  }

  #writeHello(bytes: Buffer): boolean {
    const passed = this.guarded(() => this.#hello.pass(bytes, this.#certificate.answer))
    return passed.length === 0 || this.under.write(passed)
  }
}
