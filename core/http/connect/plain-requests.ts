import { ProxyError } from '../../base/errors.js'
import { isForwarded, protocolsIn } from '../../http1/headers.js'
import { HttpParser } from '../../http1/parser.js'
import { hiddenHost } from './opening.js'

/** Bytes of a head. */
const MAX_HEAD = 131_072
/** Bytes that a client may send behind a request to switch protocols, before that is answered. */
const MAX_HELD = 65_536

/** Requests that a client may send ahead of their answers: far more than clients do, and few bytes each. */
const MAX_OPEN = 10_000

/**
 * Follows the requests and responses in a tunnel that the pump relays. The responses matter because only a 101 shows that
 * another protocol follows.
 *
 * Life: requests, (one that would switch protocols, whose answer is awaited, requests)* -> switched -> freed.
 */
export class PlainRequests {
  readonly #judge: (target: string, hosts: readonly string[]) => void
  readonly #requests: HttpParser
  readonly #responses: HttpParser
  /** Methods of the requests that are not answered. */
  readonly #open: string[] = []
  /** What came behind a request to switch protocols. */
  #held: Buffer | undefined
  /** The answers cannot be told apart any more. */
  #isLost = false
  #isSwitched = false
  /** A message has been read to its end. */
  #isMessageOver = false

  /** @param judge called with each head, before the last byte of it passes; what it throws ends the tunnel */
  constructor(judge: (target: string, hosts: readonly string[]) => void) {
    this.#judge = judge
    const onBody = (): void => {}
    const onMessage = (): boolean => {
      this.#isMessageOver = true
      return false
    }
    this.#requests = new HttpParser(
      'request',
      { onHead: () => this.#onRequest(), onBody, onMessage },
      MAX_HEAD,
    )
    this.#responses = new HttpParser(
      'response',
      { onHead: () => this.#onResponse(), onBody, onMessage },
      MAX_HEAD,
    )
  }

  /** Whether everything from here on is of another protocol. */
  get isSwitched(): boolean {
    return this.#isSwitched
  }

  /**
   * Takes what the client has sent, and returns what may go to the origin now.
   * @throws {ProxyError} of the judge; PTC_TUNNEL_HIDDEN for what cannot be read
   */
  sent(bytes: Buffer): Buffer {
    if (this.#held !== undefined) {
      this.#held = Buffer.concat([this.#held, bytes])
      if (this.#held.length > MAX_HELD)
        throw hiddenHost('the client does not wait for the answer to its request to switch protocols')
      return EMPTY
    }
    const end = this.#readRequests(bytes)
    if (end < bytes.length) this.#held = Buffer.from(bytes.subarray(end))
    return bytes.subarray(0, end)
  }

  /**
   * Takes what the origin has sent, and returns what may go to it now.
   * @throws {ProxyError} as {@link sent}
   */
  answered(bytes: Buffer): Buffer {
    if (!this.#isLost) {
      try {
        this.#read(this.#responses, bytes, () => this.#isSwitched)
      } catch (cause) {
        this.#isLost = true // an answer that is malformed is for the client to judge
        if (cause instanceof ProxyError && cause.code === 'PTC_TUNNEL_HIDDEN') throw cause
      }
    }
    if (this.#held === undefined) return EMPTY
    if (this.#isLost) throw hiddenHost('the answer to its request to switch protocols cannot be read')
    return this.#open.length === 0 ? this.#release(this.#held) : EMPTY
  }

  free(): void {
    this.#requests.free()
    this.#responses.free()
  }

  #readRequests(bytes: Buffer): number {
    try {
      return this.#read(this.#requests, bytes, () => this.#held !== undefined)
    } catch (cause) {
      if (!(cause instanceof ProxyError) || cause.code !== 'PTC_REQUEST_MALFORMED') throw cause
      throw hiddenHost(ProxyError.textOf(cause))
    }
  }

  /**
   * Message after message.
   * @returns where it was stopped
   */
  #read(parser: HttpParser, bytes: Buffer, isStopped: () => boolean): number {
    let at = 0
    while (at < bytes.length) {
      at += parser.execute(bytes.subarray(at))
      if (!this.#isMessageOver) continue
      this.#isMessageOver = false
      if (parser === this.#requests && parser.isUpgrade) this.#held = EMPTY
      if (isStopped()) break
      parser.next()
    }
    return at
  }

  #onRequest(): 'asFramed' {
    const { method, target, headers } = this.#requests
    if (method === 'CONNECT') throw hiddenHost('it is a CONNECT inside a tunnel')
    this.#judge(target, valuesOf(headers, 'host'))
    if (this.#open.push(method) > MAX_OPEN)
      throw hiddenHost(`the origin's answers to ${MAX_OPEN} requests are missing, or cannot be read`)
    return 'asFramed'
  }

  #onResponse(): 'asFramed' | 'none' {
    const { status, headers } = this.#responses
    if (status < 200 && status !== 101) return 'asFramed'
    const method = this.#open.shift()
    if (status !== 101) return method === 'HEAD' ? 'none' : 'asFramed'
    const isAwaited = this.#held !== undefined && this.#open.length === 0
    const chosen = protocolsIn(headers)
    if (!isAwaited || chosen.length === 0 || !chosen.every(isForwarded))
      throw hiddenHost('the origin switches to another protocol')
    this.#isSwitched = true
    return 'asFramed'
  }

  /** The request has its answer: what is behind it is of the new protocol, or the next request. */
  #release(held: Buffer): Buffer {
    if (this.#isSwitched) return held
    this.#held = undefined
    this.#requests.next()
    return this.sent(held)
  }
}

const EMPTY = Buffer.alloc(0)

function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name)
}
