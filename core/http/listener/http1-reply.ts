import { fieldLines, fieldValue } from '../../base/fields.js'
import { chunkLine, dateField, interimText, lastChunk, type ResponseHead } from '../../http1/messages.js'
import { ClientReply } from './client-reply.js'
import type { ClientRequest } from './client-request.js'

/** Bodies of this size are sent at once. Smaller ones wait for the end of the current callback, to be sent together. */
const BULK_BYTES = 16_384

/** The connection of a reply's client. */
export interface ReplyOutput {
  /** The lines about the connection, for a reply after which it stays open. */
  readonly keepAliveLines: string
  /** @returns false: wait for `drained` of the reply */
  send(bytes: Uint8Array): boolean
  /** Sent bytes wait for the client: `drained` follows. */
  readonly isBlocked: boolean
  /** Whether sent bytes are still in use. */
  readonly isHolding: boolean
  /** Calls `flush` of the reply after the current callback. */
  flushSoon(): void
  /** The reply is complete. */
  replied(): void
  /** Ends the connection at once, so that an incomplete reply cannot look complete. */
  destroy(): void
}

/** The reply to one request of HTTP/1.1 (RFC 9112): its framing, in few writes. */
export class Http1Reply extends ClientReply {
  readonly isMultiplexed = false
  readonly #out: ReplyOutput
  readonly #request: ClientRequest
  #framing: 'length' | 'chunked' | 'none' | 'close' = 'none'
  /** Bytes that were written and not sent; `#heldBytes` of the buffer are in use. */
  #held: Buffer | undefined
  #heldBytes = 0
  /** The head, and framing of the body: sent in front of the next bytes. */
  #text = ''
  #hasContinued = false
  /** Something of the head was sent. */
  #isSent = false
  #bodyBytes = 0
  /** Whether the connection ends with this reply. */
  closes: boolean

  /** @param closes the client does not want the connection to stay open, or cannot keep it open */
  constructor(out: ReplyOutput, request: ClientRequest, closes: boolean) {
    super()
    this.#out = out
    this.#request = request
    this.closes = closes
  }

  get bodyBytes(): number {
    return this.#bodyBytes
  }

  /** What marks the end of the body, once the head is fixed. */
  get framing(): 'length' | 'chunked' | 'none' | 'close' {
    return this.#framing
  }

  /** Small bodies are copied, large ones may wait in the socket. */
  holds(bytes: Uint8Array): boolean {
    return bytes.length >= BULK_BYTES && this.#out.isHolding
  }

  get isBlocked(): boolean {
    return this.#out.isBlocked
  }

  /** Also a 100 that the client has not asked for. A client of HTTP/1.0 gets none. */
  writeInterim(head: ResponseHead, via: string | undefined): boolean {
    if (this.#request.httpVersion !== '1.1') return true
    if (head.status === 100) this.#hasContinued = true
    if (this.state === 'waiting') this.#out.send(Buffer.from(interimText(head, via), 'latin1'))
    return !this.#out.isBlocked
  }

  switched(head: ResponseHead, via: string | undefined): Uint8Array {
    this.statusCode = head.status
    return Buffer.from(interimText(head, via), 'latin1')
  }

  /** A client without a 100 may send its body or its next request: the proxy cannot tell them apart. */
  get #isBodyUncertain(): boolean {
    return !this.#request.isComplete && !this.#hasContinued && this.#request.headers.expect !== undefined
  }

  /** Adds Connection and Transfer-Encoding. */
  override writeHead(status: number, reason: string, fields: readonly string[]): this {
    if (this.state !== 'waiting') return this
    this.state = 'started'
    this.hasHead = true
    this.statusCode = status
    let text = `HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}`
    if (fieldValue(fields, 'date') === undefined) text += dateField()
    this.#framing = this.#framingOf(status, fieldValue(fields, 'content-length') !== undefined)
    if (this.#framing === 'close' || this.#isBodyUncertain) this.closes = true
    text += this.closes ? 'Connection: close\r\n' : this.#out.keepAliveLines
    if (this.#framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
    this.#text = `${text}\r\n`
    this.#out.flushSoon()
    return this
  }

  /** RFC 9112 section 6.3. */
  #framingOf(status: number, hasLength: boolean): 'length' | 'chunked' | 'none' | 'close' {
    if (this.#request.method === 'HEAD' || status === 204 || status === 304 || status < 200) return 'none'
    if (hasLength) return 'length'
    return this.#request.httpVersion === '1.1' ? 'chunked' : 'close'
  }

  override write(bytes: Uint8Array): boolean {
    if (this.state !== 'started' || this.#framing === 'none' || bytes.length === 0) return true
    this.#bodyBytes += bytes.length
    const isChunked = this.#framing === 'chunked'
    if (isChunked) this.#text += chunkLine(bytes.length)
    const isBulk = bytes.length >= BULK_BYTES
    if (isBulk) {
      this.flush()
      this.#out.send(bytes)
    } else this.#hold(bytes)
    if (isChunked) this.#text = '\r\n'
    if (this.#text !== '' || !isBulk) this.#out.flushSoon()
    return !this.#out.isBlocked
  }

  /** Joins pending text and bytes: one write for both. The buffer doubles, because chunks may be tiny. */
  #hold(bytes: Uint8Array): void {
    const before = this.#heldBytes
    const body = before + this.#text.length
    const needed = body + bytes.length
    let held = this.#held
    if (held === undefined || held.length < needed) {
      held = Buffer.allocUnsafe(this.#held === undefined ? needed : 2 * needed)
      if (this.#held !== undefined) held.set(this.#held.subarray(0, before))
      this.#held = held
    }
    if (this.#text !== '') held.write(this.#text, before, 'latin1')
    held.set(bytes, body)
    this.#text = ''
    this.#heldBytes = needed
  }

  flush(): void {
    if (this.#text !== '') this.#hold(NOTHING)
    const held = this.#held
    if (held === undefined) return
    const count = this.#heldBytes
    this.#held = undefined
    this.#heldBytes = 0
    this.#isSent = true
    if (this.state !== 'gone') this.#out.send(held.length === count ? held : held.subarray(0, count))
  }

  override takeBack(): boolean {
    if (this.state !== 'started' || this.#isSent) return false
    this.state = 'waiting'
    this.hasHead = false
    this.#text = ''
    this.#held = undefined
    this.#heldBytes = 0
    this.#bodyBytes = 0
    return true
  }

  override end(trailers: readonly string[] = []): void {
    if (this.state !== 'started') return
    if (this.#framing === 'chunked') this.#text += lastChunk(trailers)
    this.flush()
    this.state = 'ended'
    this.#out.replied()
  }

  protected override breakOff(): void {
    this.#out.destroy()
  }

  /** For the connection: pending bytes were taken by the system. */
  drained(): void {
    this.watcher?.onClientDrain()
  }
}

const NOTHING = Buffer.alloc(0)
