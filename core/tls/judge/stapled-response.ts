import { ByteReader, HANDSHAKE, HandshakeMessages, readFragment } from '../sniff/record-layer.js'

const SERVER_HELLO = 2
const CERTIFICATE = 11
const CERTIFICATE_STATUS = 22
const STATUS_REQUEST = 5
const SUPPORTED_VERSIONS = 43
const OCSP = 1

/** The most bytes of an origin's flight: OpenSSL accepts chains of up to 102 400 bytes. */
const MAX_HELD = 262_144

/**
 * Reads ahead for the stapled OCSP response of TLS 1.2, which has a message of its own after the certificate (RFC 6066
 * section 8). OpenSSL parks at the certificate and reads no further. But the origin sends its whole flight without a pause,
 * in plaintext. So the response can arrive before plugins are asked, if the engine waits for it.
 *
 * Life: looking -> done. It is done at a ServerHello of TLS 1.3 (where the response is part of the Certificate message), at a
 * ServerHello that announces no response, at the response, or at another message in its place. In bytes that it cannot read
 * it finds nothing: OpenSSL reads the same bytes and reports the error.
 */
export class StapledResponse {
  #held: Buffer = EMPTY
  #messages = new HandshakeMessages()
  #after: 'nothing' | 'hello' | 'certificate' = 'nothing'
  #isDone = false
  #found: Buffer | undefined
  #isAnnounced = false

  /** Whether there is nothing left to wait for. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Whether the origin speaks TLS 1.2 and has announced a response. */
  get isAnnounced(): boolean {
    return this.#isAnnounced
  }

  /** The response, DER, if there is one. */
  get found(): Buffer | undefined {
    return this.#found
  }

  /** Takes bytes from the origin; it holds no view of them afterwards. */
  look(bytes: Uint8Array): void {
    if (this.#isDone) return
    const { buffer, byteOffset, byteLength } = bytes
    const view = Buffer.from(buffer, byteOffset, byteLength)
    const all = this.#held.length === 0 ? view : Buffer.concat([this.#held, view])
    let at = 0
    while (!this.#isDone) {
      const fragment = readFragment(all, at)
      if (fragment === 'more') break
      if (fragment === 'not-tls' || fragment.type !== HANDSHAKE) return this.#end()
      this.#takeMessages(fragment.body)
      at = fragment.next
    }
    if (this.#isDone) return
    this.#held = Buffer.from(all.subarray(at)) // a copy: the memory of the input is used again
    if (this.#held.length + this.#messages.length > MAX_HELD) this.#end()
  }

  #takeMessages(body: Buffer): void {
    this.#messages.add(body)
    while (!this.#isDone) {
      const message = this.#messages.take()
      if (message === undefined) return
      this.#onMessage(message.type, message.body)
    }
  }

  #onMessage(type: number, body: Buffer): void {
    if (this.#after === 'nothing' && type === SERVER_HELLO) {
      this.#after = 'hello'
      this.#isAnnounced = announces(body)
      if (!this.#isAnnounced) this.#end()
    } else if (this.#after === 'hello' && type === CERTIFICATE) {
      this.#after = 'certificate'
    } else {
      if (this.#after === 'certificate' && type === CERTIFICATE_STATUS) this.#found = responseIn(body)
      this.#end()
    }
  }

  #end(): void {
    this.#isDone = true
    this.#held = EMPTY
    this.#messages = new HandshakeMessages()
  }
}

const EMPTY = Buffer.alloc(0)

/** Whether a ServerHello is of TLS 1.2 and announces a response. */
function announces(hello: Buffer): boolean {
  const reader = new ByteReader(hello)
  reader.take(2 + 32) // version, random
  reader.vector(1) // session_id
  reader.take(2 + 1) // cipher_suite, compression_method
  if (reader.isBroken || reader.isAtEnd) return false
  const extensions = new ByteReader(reader.vector(2))
  let found = false
  while (!extensions.isAtEnd && !extensions.isBroken) {
    const type = extensions.number(2)
    extensions.vector(2)
    if (type === SUPPORTED_VERSIONS) return false
    if (type === STATUS_REQUEST) found = true
  }
  return found && !extensions.isBroken
}

/** A copy of the response in a CertificateStatus. */
function responseIn(body: Buffer): Buffer | undefined {
  const reader = new ByteReader(body)
  const type = reader.number(1)
  const response = reader.vector(3)
  const isOne = type === OCSP && !reader.isBroken && reader.isAtEnd && response.length > 0
  return isOne ? Buffer.from(response) : undefined
}
