import { ProxyError } from '../base/errors.js'
import { fieldValue, fieldValues } from '../base/fields.js'
import { ChunkPadding } from './chunk-padding.js'
import { HeadMender } from './head-mender.js'
import { HttpParser, type MessageEvents } from './parser.js'

/** The parser counts fields only, and decides: so much more of a head is read for it. */
const FREE_BYTES = 4096

/**
 * Reads the responses of one origin connection, one after another. The strict parser judges every one. Where it refuses a
 * head and the origin is read leniently, the head is mended, and the strict parser judges it again; chunk sizes lose the
 * blanks that pad them. A connection on which something was mended `isUntidy`, and must not serve another request.
 *
 *     head -> (mending ->) body -> complete -> head …
 */
export class ResponseReader implements MessageEvents {
  readonly #events: MessageEvents
  #parser: HttpParser
  #isLenient = false
  /** The head of the present message was read. */
  #hasHead = false
  /** What the parser has stopped in front of: a body, or the response behind an interim one. */
  #stop: 'chunks' | 'body' | 'response' | undefined
  /** The last message that is wanted is complete. */
  #isComplete = false
  /** What has come of a head that is not complete. */
  #head: Buffer[] = []
  #mender: HeadMender | undefined
  /** What the strict parser has said about the head that is mended. */
  #refusal: unknown
  #padding: ChunkPadding | undefined
  #isUntidy = false

  /** @param events as for a parser; `onMessage` answers false for the last message that is wanted */
  constructor(events: MessageEvents, maxHeadBytes: number) {
    this.#events = events
    this.#parser = new HttpParser('response', this, maxHeadBytes)
  }

  /** The message that is read. */
  get message(): HttpParser {
    return this.#parser
  }

  /** Whether something was mended on this connection. */
  get isUntidy(): boolean {
    return this.#isUntidy
  }

  /** Before a response. @param isLenient whether untidy ones are mended */
  expect(maxHeadBytes: number, isLenient: boolean): void {
    this.#parser.maxHeadBytes = maxHeadBytes
    this.#isLenient = isLenient
  }

  /**
   * Parses bytes.
   * @returns how many were consumed: fewer than given when the last message is complete
   * @throws {ProxyError} as the parser does
   */
  execute(bytes: Buffer): number {
    let at = 0
    do at += this.#read(at === 0 ? bytes : bytes.subarray(at))
    while (this.#hasGoneOn() && at < bytes.length)
    return at
  }

  /** Makes the parser go on behind a stop that only this reader needs. @returns whether it was at one */
  #hasGoneOn(): boolean {
    const stop = this.#stop
    this.#stop = undefined
    if (stop === 'chunks') this.#parser.next()
    else if (stop === 'response') this.next()
    return stop !== undefined
  }

  /** The origin has sent its last byte. @returns false if it did so inside a message */
  finish(): boolean {
    return this.#mender === undefined && this.#parser.finish()
  }

  /** Makes the reader ready for the next response. */
  next(): void {
    this.#parser.next()
    this.#isComplete = false
    this.#hasHead = false
    this.#padding = undefined
  }

  free(): void {
    this.#parser.free()
  }

  onHead(): ReturnType<MessageEvents['onHead']> {
    this.#hasHead = true
    this.#head = []
    const framing = this.#events.onHead()
    if (framing !== 'asFramed' || !this.#isLenient || !isChunked(this.#parser)) return framing
    this.#padding = new ChunkPadding()
    this.#stop = 'chunks'
    return 'later'
  }

  onBody(bytes: Buffer): void {
    this.#events.onBody(bytes)
  }

  onMessage(): boolean {
    if (this.#events.onMessage()) this.#stop = 'response'
    else this.#isComplete = true
    return false
  }

  #read(bytes: Buffer): number {
    if (this.#padding !== undefined) return this.#readChunks(this.#padding, bytes)
    if (this.#mender !== undefined) return this.#mend(this.#mender, bytes)
    let consumed: number
    try {
      consumed = this.#parser.execute(bytes)
    } catch (refusal) {
      if (this.#hasHead || !this.#isLenient || this.#isTooLarge) throw refusal
      return this.#mendFrom(refusal, bytes)
    }
    // A copy, because the memory of the bytes may be used again.
    if (!this.#hasHead && this.#isLenient) this.#head.push(Buffer.from(bytes))
    return consumed
  }

  #readChunks(padding: ChunkPadding, bytes: Buffer): number {
    const chunks = padding.take(bytes)
    if (padding.hasCut) this.#isUntidy = true
    const consumed = this.#parser.execute(chunks)
    return bytes.length - (chunks.length - consumed) // nothing is cut behind the end of a message
  }

  get #isTooLarge(): boolean {
    return this.#parser.headBytes > this.#parser.maxHeadBytes
  }

  #mendFrom(refusal: unknown, bytes: Buffer): number {
    const mender = new HeadMender()
    for (const piece of this.#head) if (mender.take(piece) !== 'more') throw refusal
    this.#head = []
    this.#mender = mender
    this.#refusal = refusal
    return this.#mend(mender, bytes)
  }

  #mend(mender: HeadMender, bytes: Buffer): number {
    const taken = mender.take(bytes)
    const { maxHeadBytes } = this.#parser
    if (taken === 'refused') throw this.#refusal
    if (mender.bytes > maxHeadBytes + FREE_BYTES) throw tooLarge(maxHeadBytes)
    if (taken === 'more') return bytes.length
    this.#mender = undefined
    this.#isUntidy = true
    this.#parser.free()
    this.#parser = new HttpParser('response', this, maxHeadBytes)
    const head = Buffer.from(mender.text, 'latin1')
    if (this.#parser.execute(head) !== head.length || !this.#hasHead) throw this.#refusal
    if (!this.#isComplete) this.#stop ??= 'body'
    return taken
  }
}

/** Chunked and nothing else: other framings are refused. */
function isChunked({ status, headers }: HttpParser): boolean {
  if (status < 200 || fieldValue(headers, 'transfer-encoding') === undefined) return false
  const [coding, ...others] = fieldValues(headers, 'transfer-encoding')
  return others.length === 0 && coding?.toLowerCase() === 'chunked'
}

const tooLarge = (most: number): ProxyError =>
  new ProxyError('PTC_RESPONSE_MALFORMED', `the header fields are too large: more than ${most} bytes`)
