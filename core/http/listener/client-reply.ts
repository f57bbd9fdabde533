import { dateField } from '../../http1/date-field.js'
import type { ClientRequest } from './client-request.js'

/** So much goes out at once; less waits, till the end of what is going on, for what may come with it. */
const BULK_BYTES = 16_384

/** Where a reply goes: the connection of its client. */
export interface ReplyOutput {
  /** The lines about the connection, for a reply after which it is kept. */
  readonly keepAliveLines: string
  /** @returns false: wait for `drained` of the reply */
  send(bytes: Uint8Array): boolean
  /** Bytes that were sent wait for the client: `drained` follows. */
  readonly isBlocked: boolean
  /** Whether bytes that were sent are still needed. */
  readonly isHolding: boolean
  /** Calls `flush` of the reply when what is going on has ended. */
  flushSoon(): void
  /** The reply is complete. */
  replied(): void
  /** Ends the connection at once, and so that nobody takes what is not complete for complete. */
  destroy(): void
}

/** Whoever answers. At most one of the last two comes, and then nothing. */
export interface ReplyWatcher {
  /** The client takes more. */
  onClientDrain(): void
  /** The client has left. */
  onClientGone(): void
  /** What it sends can no longer be read: the body of its request comes to no end. An answer still reaches it. */
  onClientBroken(error: Error): void
}

/**
 * The answer to one request (RFC 9112): its framing, and few writes.
 *
 * Life: waiting, interim responses included -> started -> ended; or gone, from everywhere, when its client has left, or
 * speaks another protocol.
 */
export class ClientReply {
  readonly #out: ReplyOutput
  readonly #request: ClientRequest
  #watcher: ReplyWatcher | undefined
  #state: 'waiting' | 'started' | 'ended' | 'gone' = 'waiting'
  #framing: 'length' | 'chunked' | 'none' | 'close' = 'none'
  /** What has been written and not been sent: so much of it is in use. */
  #held: Buffer | undefined
  #heldBytes = 0
  #hasHead = false
  /** The head, and framing of the body: goes out in front of the next bytes. */
  #text = ''
  #hasContinued = false
  /** The connection ends with this reply. */
  closes: boolean
  statusCode = 200

  /** @param closes the client does not want to keep the connection, or cannot */
  constructor(out: ReplyOutput, request: ClientRequest, closes: boolean) {
    this.#out = out
    this.#request = request
    this.closes = closes
  }

  /** Whether the head is fixed; also of a reply that was cut off behind it. */
  get headersSent(): boolean {
    return this.#hasHead
  }

  /** The client has left, and nothing reaches it. */
  get isGone(): boolean {
    return this.#state === 'gone'
  }

  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  /** What says where the body ends, once the head is fixed. */
  get framing(): 'length' | 'chunked' | 'none' | 'close' {
    return this.#framing
  }

  /** Whether bytes that were written are still needed: few are copied, others may not have been handed to the system. */
  holds(bytes: Uint8Array): boolean {
    return bytes.length >= BULK_BYTES && this.#out.isHolding
  }

  watch(watcher: ReplyWatcher): void {
    this.#watcher = watcher
  }

  /**
   * @param text a 1xx response as it is on the wire
   * @returns false: wait for the client to take it, or what was sent before
   */
  writeInterim(text: string): boolean {
    if (this.#state === 'waiting') this.#out.send(Buffer.from(text, 'latin1'))
    return !this.#out.isBlocked
  }

  /** The client may send the body that it has announced. */
  writeContinue(): boolean {
    this.#hasContinued = true
    return this.writeInterim('HTTP/1.1 100 Continue\r\n\r\n')
  }

  /** Who has not been told to send its body may send it all the same, or its next request: nobody can tell. */
  get #isBodyUncertain(): boolean {
    return !this.#request.isComplete && !this.#hasContinued && this.#request.headers.expect !== undefined
  }

  /**
   * Fixes the head. The fields are checked by whoever made them; Connection and Transfer-Encoding are added here.
   * @param fields names and values in turn
   */
  writeHead(status: number, reason: string, fields: readonly string[]): this {
    if (this.#state !== 'waiting') return this
    this.#state = 'started'
    this.#hasHead = true
    this.statusCode = status
    let text = `HTTP/1.1 ${status} ${reason}\r\n`
    let hasLength = false
    let hasDate = false
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const name = fields[i] ?? ''
      text += `${name}: ${fields[i + 1]}\r\n`
      if (name.length === 14) hasLength ||= name.toLowerCase() === 'content-length'
      else if (name.length === 4) hasDate ||= name.toLowerCase() === 'date'
    }
    if (!hasDate) text += dateField()
    this.#framing = this.#framingOf(status, hasLength)
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

  /** @returns false: wait for the client to take it, or what was sent before */
  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'started' || this.#framing === 'none' || bytes.length === 0) return true
    const isChunked = this.#framing === 'chunked'
    if (isChunked) this.#text += `${bytes.length.toString(16)}\r\n`
    const isBulk = bytes.length >= BULK_BYTES
    if (isBulk) {
      this.flush()
      this.#out.send(bytes)
    } else this.#hold(bytes)
    if (isChunked) this.#text = '\r\n'
    if (this.#text !== '' || !isBulk) this.#out.flushSoon()
    return !this.#out.isBlocked
  }

  /** What stands in front of it is joined to it: one write for both. Room is doubled, because chunks may be tiny. */
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

  /** Sends what waits. */
  flush(): void {
    if (this.#text !== '') this.#hold(NOTHING)
    const held = this.#held
    if (held === undefined) return
    const count = this.#heldBytes
    this.#held = undefined
    this.#heldBytes = 0
    if (this.#state !== 'gone') this.#out.send(held.length === count ? held : held.subarray(0, count))
  }

  /** @param trailers names and values in turn; sent if the body is chunked */
  end(trailers: readonly string[] = []): void {
    if (this.#state !== 'started') return
    if (this.#framing === 'chunked') {
      this.#text += '0\r\n'
      for (let i = 0; i + 1 < trailers.length; i += 2) this.#text += `${trailers[i]}: ${trailers[i + 1]}\r\n`
      this.#text += '\r\n'
    }
    this.flush()
    this.#state = 'ended'
    this.#out.replied()
  }

  /** A whole answer. */
  sendAll(status: number, reason: string, fields: readonly string[], body: Uint8Array): void {
    this.writeHead(status, reason, fields)
    this.write(body)
    this.end()
  }

  /** Ends the connection in the middle of the answer. Whoever answers knows, and is not told. */
  cut(): void {
    if (this.#state === 'ended' || this.#state === 'gone') return
    this.#state = 'gone'
    this.#out.destroy()
  }

  /** For the connection: bytes that were held have gone. */
  drained(): void {
    this.#watcher?.onClientDrain()
  }

  /** For the connection: the client has left. */
  gone(): void {
    if (this.#state === 'ended' || this.#state === 'gone') return
    this.#state = 'gone'
    this.#watcher?.onClientGone()
  }

  /** For the connection: it has been handed over. */
  handedOver(): void {
    if (this.#state === 'waiting') this.#state = 'gone'
  }

  /** For the connection: the body of the request cannot be read. @returns whether anybody answers */
  broken(error: Error): boolean {
    this.#watcher?.onClientBroken(error)
    return this.#watcher !== undefined
  }
}

const NOTHING = Buffer.alloc(0)
