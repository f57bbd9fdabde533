import { toProxyError } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { fieldValue } from '../base/fields.js'
import { mayUpgrade } from './headers.js'
import { requestError } from './messages.js'
import { HttpParser, type MessageEvents } from './parser.js'

/** Framing bytes that a chunked body may have: a fixed number, and a number for each byte of the body. */
const FREE_FRAMING = 8192
const FRAMING_PER_BYTE = 16
/**
 * Heads and chunked bodies are parsed in slices of this size. An excess is then noticed before the end of the input, and
 * requests sent ahead of a short request are not copied into the parser early.
 */
const SLICE = 8192

const EMPTY = Buffer.alloc(0)
/** By llhttp's numbers. */
const VERSIONS: Readonly<Record<number, string>> = { 10: '1.0', 11: '1.1' }

/** The head of a request as received. */
export interface ReceivedHead {
  readonly method: string
  /** The request-target. */
  readonly url: string
  /** `1.1`, `1.0`, or a version that is refused later. */
  readonly httpVersion: string
  /** Names and values in turn, each byte one character. */
  readonly rawHeaders: readonly string[]
  /** Asks for another protocol, and ends where that protocol would begin. */
  readonly isUpgrade: boolean
}

/** Receives the body of one request. */
export interface BodySink {
  readonly isComplete: boolean
  deliver(bytes: Buffer): void
  complete(trailers: readonly string[]): void
}

/** Receives the requests of one connection. */
export interface RequestSink<R extends BodySink> {
  /** Makes the receiver of a request, before any of its body is read. */
  open(head: ReceivedHead): R
  /** The head has come, and all of a request without a body. */
  onRequest(request: R, keepsAlive: boolean): void
}

/**
 * Reads the requests of one client, one after another.
 *
 *     between -> head -> held -> body -> complete -> between …
 *                  \------ no body ------^             (any) -> over
 *
 * Bytes that come while a body is held, or between `complete` and `next`, are stored and not parsed.
 */
export class RequestReader<R extends BodySink> implements MessageEvents {
  readonly #sink: RequestSink<R>
  readonly #parser: HttpParser
  #at: 'between' | 'head' | 'held' | 'body' | 'complete' | 'over' = 'between'
  #request: R | undefined
  /** The head was parsed by the present call of the parser. */
  #isNew = false
  #isRunning = false
  #unparsed: Buffer = EMPTY
  #isChunked = false
  /** Chunks of the body from the present slice. */
  #pieces: Buffer[] = []
  #bodyBytes = 0
  #framedBytes = 0

  constructor(sink: RequestSink<R>, maxHeaderBytes: number) {
    this.#sink = sink
    this.#parser = new HttpParser('request', this, maxHeaderBytes)
  }

  /** Whether a head has begun and is not complete. */
  get isInHead(): boolean {
    return this.#at === 'head'
  }

  /** Bytes that were received and not parsed. */
  get unparsed(): Buffer {
    return this.#unparsed
  }

  /**
   * Takes bytes from the client.
   * @throws {ProxyError} if they are malformed; no further bytes are parsed then
   */
  take(bytes: Buffer): void {
    if (this.#at === 'over') return
    this.#unparsed = this.#unparsed.length === 0 ? bytes : Buffer.concat([this.#unparsed, bytes])
    this.run()
  }

  /**
   * Parses the stored bytes. A loop, because a thousand requests may have been sent ahead, each answered at once.
   * @throws {ProxyError} as {@link take}
   */
  run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      while (this.#unparsed.length > 0 && this.#reads) this.#parse()
    } finally {
      this.#isRunning = false
    }
  }

  /** Lets the body be parsed. */
  release(): void {
    if (this.#at === 'held') this.#at = 'body'
  }

  /** Stops parsing the body for now. */
  hold(): void {
    if (this.#at === 'body') this.#at = 'held'
  }

  /** Goes on to the next request after a complete one. */
  next(): void {
    if (this.#at !== 'complete') return
    this.#parser.next()
    this.#request = undefined
    this.#at = 'between'
  }

  /** Ends parsing. The stored bytes stay. */
  stop(): void {
    this.#at = 'over'
    this.#parser.free()
  }

  onHead(): 'asFramed' | 'later' {
    const { method, target: url, version, headers: rawHeaders } = this.#parser
    const httpVersion = VERSIONS[version] ?? `${Math.floor(version / 10)}.${version % 10}`
    const isUpgrade = this.#parser.isUpgrade && mayUpgrade(rawHeaders, version)
    this.#request = this.#sink.open({ method, url, httpVersion, rawHeaders, isUpgrade })
    this.#isNew = true
    this.#at = 'held'
    this.#isChunked = fieldValue(rawHeaders, 'transfer-encoding') !== undefined
    // A head without a length has no body (RFC 9112 section 6.3).
    const hasBody = this.#isChunked || Number(fieldValue(rawHeaders, 'content-length') ?? 0) !== 0
    return hasBody ? 'later' : 'asFramed'
  }

  onBody(bytes: Buffer): void {
    this.#bodyBytes += bytes.length
    if (this.#isChunked) this.#pieces.push(bytes)
    else this.#request?.deliver(bytes)
  }

  onMessage(): boolean {
    this.#deliver()
    if (this.#at !== 'over') this.#at = 'complete'
    this.#request?.complete(this.#parser.trailers)
    return false
  }

  get #reads(): boolean {
    return this.#at === 'between' || this.#at === 'head' || this.#at === 'body'
  }

  #parse(): void {
    const isFirst = this.#at === 'between'
    const bytes = isFirst ? withoutEmptyLines(this.#unparsed) : this.#unparsed
    const isBody = this.#at === 'body'
    this.#unparsed = EMPTY
    if (bytes.length === 0) return
    if (isFirst) this.#at = 'head'
    try {
      const isSliced = isBody && this.#isChunked
      const isWhole = bytes.length <= SLICE || (isBody && !isSliced)
      const consumed = this.#parser.execute(isWhole ? bytes : bytes.subarray(0, SLICE))
      this.#store(bytes, consumed)
      this.#deliver()
      if (isSliced) this.#countFraming(consumed)
    } catch (error) {
      this.#at = 'over'
      const why = toProxyError(error, 'the request could not be handled')
      throw requestError(why, this.#parser, isFirst ? bytes : EMPTY)
    }
    if (this.#isNew) this.#tell()
  }

  /** Joins chunks, so that a body in tiny chunks is forwarded in larger pieces. */
  #deliver(): void {
    const pieces = this.#pieces
    const [first] = pieces
    if (first === undefined) return
    this.#pieces = []
    this.#request?.deliver(pieces.length === 1 ? first : Buffer.concat(pieces))
  }

  /** A callback may have let more bytes in meanwhile: the rest goes in front of them. */
  #store(bytes: Buffer, consumed: number): void {
    if (consumed === bytes.length) return
    const rest = bytes.subarray(consumed)
    this.#unparsed = this.#unparsed.length === 0 ? rest : Buffer.concat([rest, this.#unparsed])
  }

  #tell(): void {
    const request = this.#request
    this.#isNew = false
    this.#bodyBytes = 0
    this.#framedBytes = 0
    if (request === undefined) return
    if (!request.isComplete) this.#parser.next()
    this.#sink.onRequest(request, this.#parser.keepsAlive)
  }

  /** Limits chunk extensions and tiny chunks, which cost work and carry no body. */
  #countFraming(consumed: number): void {
    this.#framedBytes += consumed
    if (this.#framedBytes - this.#bodyBytes > FREE_FRAMING + FRAMING_PER_BYTE * this.#bodyBytes)
      throw new ProxyError('PTC_REQUEST_MALFORMED', 'the body of the request is almost nothing but framing')
  }
}

/** Empty lines before a request are ignored, and begin no request (RFC 9112 section 2.2). */
function withoutEmptyLines(bytes: Buffer): Buffer {
  let at = 0
  while (bytes[at] === 0x0d || bytes[at] === 0x0a) at += 1
  return at === 0 ? bytes : bytes.subarray(at)
}
