import { ProxyError } from '../../base/errors.js'
import { MAX_HELLO_BYTES, readClientHello } from './client-hello.js'
import { HANDSHAKE, readFragment } from './record-layer.js'

/** The origin's answer to the first ClientHello so far. */
export type OriginAnswer = 'none' | 'hello' | 'retry'

/** What a second ClientHello is compared with. */
export interface FirstHello {
  /** The name, as the client wrote it. */
  readonly announced: string | undefined
  /** The body of encrypted_client_hello, which GREASE repeats byte by byte (RFC 9849 section 6.2). */
  readonly ech: string | undefined
  /** Whether the encrypted part may be another one. */
  readonly maySealAnew: boolean
}

/**
 * Watches a client's side of a handshake for a second ClientHello, which a HelloRetryRequest requests. It must have the same
 * server name (RFC 8446 section 4.1.2); otherwise a tunnel that was verified for one name would lead to another. What
 * was taken for GREASE must be repeated as it was: a name that is really encrypted shows itself here.
 *
 * Life: watching -> done. Handshake records after the first ClientHello wait for the origin's answer: after a ServerHello no
 * second ClientHello can follow; after a HelloRetryRequest they are the second ClientHello.
 */
export class RepeatedHello {
  readonly #first: FirstHello
  #held: Buffer = EMPTY
  /** Until the first ClientHello has passed. */
  #isFirst = true
  #isDone = false

  constructor(first: FirstHello) {
    this.#first = first
  }

  /** Whether all further bytes pass unread. */
  get isDone(): boolean {
    return this.#isDone
  }

  /**
   * Takes bytes from the client and returns the bytes that may go to the origin now. Call it without bytes when the origin
   * has answered.
   * @throws {ProxyError} PTC_TUNNEL_NOT_TLS when a second ClientHello has another name, or is malformed; PTC_TUNNEL_ECH when
   *   its encrypted part is another one
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
    const { announced, ech, maySealAnew } = this.#first
    if (reading.hello.announced !== announced) throw refused('the second ClientHello asks for another name')
    if (!maySealAnew && reading.hello.ech !== ech)
      throw new ProxyError(
        'PTC_TUNNEL_ECH',
        'the second ClientHello has another encrypted part: it is no GREASE',
      )
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
