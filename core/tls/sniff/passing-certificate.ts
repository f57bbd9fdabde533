import { createHash } from 'node:crypto'
import { ProxyError } from '../../base/errors.js'
import {
  ALERT,
  ByteReader,
  CHANGE_CIPHER_SPEC,
  HANDSHAKE,
  HandshakeMessages,
  readFragment,
} from './record-layer.js'
import type { OriginAnswer } from './repeated-hello.js'

/** The most bytes held back until a message is complete: OpenSSL accepts chains of up to 102 400 bytes. */
const MAX_HELD = 131_072

const SERVER_HELLO = 2
const NEW_SESSION_TICKET = 4
const CERTIFICATE = 11
const TLS_1_3 = 0x0304
const SUPPORTED_VERSIONS = 43

/**
 * Watches the origin's side of a handshake between client and origin. It passes the Certificate message on only if it has
 * the leaf that was verified.
 *
 * Life: hello (waits for ServerHello) -> certificate -> done. With TLS 1.3 it is done at the ServerHello, because the rest
 * is encrypted. A resumed TLS 1.2 session has no Certificate message; it is done at its ChangeCipherSpec. In both cases the
 * proxy relies on its own handshake with the same address.
 */
export class PassingCertificate {
  readonly #leafSha256: string | undefined
  #state: 'hello' | 'certificate' | 'done' = 'hello'
  #answer: OriginAnswer = 'none'
  #held: Buffer = EMPTY
  /** Bytes of `#held` that have been read. */
  #seen = 0
  readonly #messages = new HandshakeMessages()

  /**
   * @param leafSha256 of the verified leaf, lower-case hex; undefined when none was verified: all bytes pass then, and only
   *   the origin's first answer is read
   */
  constructor(leafSha256: string | undefined) {
    this.#leafSha256 = leafSha256
  }

  /** The origin's answer to the ClientHello. */
  get answer(): OriginAnswer {
    return this.#answer
  }

  /** Whether all further bytes pass unread. */
  get isDone(): boolean {
    return this.#state === 'done'
  }

  /**
   * Takes bytes from the origin and returns the bytes that may go to the client now.
   * @throws {ProxyError} PTC_TUNNEL_CUT for another certificate, or bytes that are no TLS handshake
   */
  pass(bytes: Buffer): Buffer {
    if (this.#state === 'done') return bytes
    if (this.#leafSha256 === undefined) return this.#passUnverified(bytes)
    return this.#passVerified(bytes)
  }

  /** An origin whose answer is not TLS requests no second ClientHello. */
  #passUnverified(bytes: Buffer): Buffer {
    try {
      const passed = this.#passVerified(bytes)
      if (this.#answer !== 'none') this.#state = 'done'
      return this.isDone ? Buffer.concat([passed, this.#release()]) : passed
    } catch {
      this.#state = 'done'
      this.#answer = 'hello'
      return this.#release()
    }
  }

  #release(): Buffer {
    const held = this.#held
    this.#held = EMPTY
    return held
  }

  #passVerified(bytes: Buffer): Buffer {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    let passable = 0
    while (!this.isDone) {
      const fragment = readFragment(this.#held, this.#seen)
      if (fragment === 'not-tls') throw cut('the origin answered the ClientHello with what is no TLS')
      if (fragment === 'more') break
      this.#look(fragment.type, fragment.body)
      this.#seen = fragment.next
      if (this.#messages.length === 0) passable = fragment.next
    }
    if (this.isDone) passable = this.#held.length
    const passed = this.#held.subarray(0, passable)
    this.#held = this.#held.subarray(passable)
    this.#seen -= passable
    if (this.#held.length > MAX_HELD) throw cut("the origin's certificates are too large")
    return passed
  }

  #look(type: number, body: Buffer): void {
    if (type === HANDSHAKE) {
      this.#messages.add(body)
      this.#takeMessages()
    } else if (this.#messages.length > 0) {
      throw cut('the origin interrupted a handshake message')
    } else if (type === CHANGE_CIPHER_SPEC && this.#state === 'certificate') {
      this.#state = 'done'
    } else if (type !== ALERT) {
      throw cut('the origin sent data before its certificate')
    }
  }

  #takeMessages(): void {
    while (!this.isDone) {
      if ((this.#messages.nextLength ?? 0) > MAX_HELD) throw cut("the origin's certificates are too large")
      const message = this.#messages.take()
      if (message === undefined) return
      this.#onMessage(message.type, message.body)
    }
  }

  #onMessage(type: number, body: Buffer): void {
    if (this.#state === 'hello' && type === SERVER_HELLO) {
      this.#answer = body.subarray(2, 34).equals(RETRY) ? 'retry' : 'hello'
      this.#state = isTls13(body) ? 'done' : 'certificate'
    } else if (this.#state === 'certificate' && type === CERTIFICATE) {
      this.#compare(body)
      this.#state = 'done'
    } else if (type !== NEW_SESSION_TICKET || this.#state !== 'certificate') {
      throw cut(`the origin sent handshake message ${type} where its ${this.#state} belongs`)
    }
  }

  /** RFC 5246 section 7.4.2: a list of certificates, the leaf first. */
  #compare(body: Buffer): void {
    const list = new ByteReader(new ByteReader(body).vector(3))
    const leaf = list.vector(3)
    const sha256 = createHash('sha256').update(leaf).digest('hex')
    if (list.isBroken || sha256 !== this.#leafSha256)
      throw cut(
        `the origin showed the client another certificate (${sha256}) than it showed the proxy (${this.#leafSha256})`,
      )
  }
}

const EMPTY = Buffer.alloc(0)

/** The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3). */
const RETRY = createHash('sha256').update('HelloRetryRequest').digest()

/** RFC 8446 section 4.2.1: supported_versions announces TLS 1.3, also in a HelloRetryRequest. */
function isTls13(hello: Buffer): boolean {
  const reader = new ByteReader(hello)
  reader.take(2 + 32) // legacy_version, random
  reader.vector(1) // legacy_session_id_echo
  reader.take(2 + 1) // cipher_suite, legacy_compression_method
  if (!reader.isBroken && reader.isAtEnd) return false
  const extensions = new ByteReader(reader.vector(2))
  if (reader.isBroken || !reader.isAtEnd) throw cut("the origin's ServerHello is malformed")
  let found = false
  while (!extensions.isAtEnd) {
    const type = extensions.number(2)
    const body = extensions.vector(2)
    if (extensions.isBroken) throw cut("the origin's ServerHello is malformed")
    if (type === SUPPORTED_VERSIONS) found = body.length === 2 && body.readUInt16BE(0) === TLS_1_3
  }
  return found
}

const cut = (why: string): ProxyError => new ProxyError('PTC_TUNNEL_CUT', why)
