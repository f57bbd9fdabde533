import { ProxyError } from '../../base/errors.js'
import { MAX_HELLO_BYTES, readClientHello } from './client-hello.js'
import { HANDSHAKE, readFragment } from './record-layer.js'

/** The origin's answer to the first ClientHello so far. */
export type OriginAnswer = 'none' | 'hello' | 'retry'

/**
 * Watches a client's side of a handshake for a second ClientHello, which a HelloRetryRequest requests. It must have the same
 * server name (RFC 8446 section 4.1.2); otherwise a tunnel that was verified for one name would lead to another.
 *
 * Life: watching -> done. Handshake records after the first ClientHello wait for the origin's answer: after a ServerHello no
 * second ClientHello can follow; after a HelloRetryRequest they are the second ClientHello.
 */
export class RepeatedHello {
  readonly #announced: string | undefined
  #held: Buffer = EMPTY
  /** Until the first ClientHello has passed. */
  #isFirst = true
  #isDone = false

  /** @param announced the name of the first ClientHello, as the client wrote it */
  constructor(announced: string | undefined) {
    this.#announced = announced
  }

  /** Whether all further bytes pass unread. */
  get isDone(): boolean {
    return this.#isDone
  }

  /**
   * Takes bytes from the client and returns the bytes that may go to the origin now. Call it without bytes when the origin
   * has answered.
   * @throws {ProxyError} PTC_TUNNEL_NOT_TLS when a second ClientHello has another name, or is malformed
   */
  pass(bytes: Buffer, answer: OriginAnswer): Buffer {
    if (this.#isDone) return bytes
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    if (answer === 'hello') return this.#release()
    let at = 0
    while (at < this.#held.length) {
      if (this.#held[at] !== HANDSHAKE) {
        const fragment = readFragment(this.#held, at)
        if (fragment === 'not-tls') throw refused('the client sent what is no TLS')
        if (fragment === 'more') break
        at = fragment.next // early data, and records for middleboxes
      } else if (this.#isFirst || answer === 'retry') {
        const end = this.#readHello(at)
        if (end === undefined) break
        at = end
        if (!this.#isFirst) return this.#release()
        this.#isFirst = false
      } else {
        break
      }
    }
    const passed = this.#held.subarray(0, at)
    this.#held = this.#held.subarray(at)
    if (this.#held.length > 2 * MAX_HELLO_BYTES) throw refused('the client does not wait for the origin')
    return passed
  }

  /** The end of the ClientHello that begins at `at`, if it is complete. */
  #readHello(at: number): number | undefined {
    const reading = readClientHello(this.#held.subarray(at))
    if (reading.kind === 'more') return undefined
    if (reading.kind === 'not-tls') throw refused(`the second ClientHello is none: ${reading.why}`)
    if (reading.hello.announced !== this.#announced)
      throw refused('the second ClientHello asks for another name')
    return at + reading.length
  }

  #release(): Buffer {
    const all = this.#held
    this.#held = EMPTY
    this.#isDone = true
    return all
  }
}

const EMPTY = Buffer.alloc(0)

const refused = (why: string): ProxyError => new ProxyError('PTC_TUNNEL_NOT_TLS', why)
