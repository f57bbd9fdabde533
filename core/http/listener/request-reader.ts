import { toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { HttpParser, type MessageEvents } from '../../http1/parser.js'
import { requestError } from '../../http1/request-errors.js'
import { mayUpgrade } from '../transaction/upgrade.js'
import type { ClientInfo } from './client-info.js'
import { type BodySource, ClientRequest } from './client-request.js'

/** Framing of a chunked body: so much for nothing, and so much for each byte of the body. */
const FREE_FRAMING = 8192
const FRAMING_PER_BYTE = 16
/**
 * Of heads and of a chunked body so much is parsed at a time: what is too much is known before the end of it, and behind a
 * short request not all that was sent ahead is handed to the parser for nothing.
 */
const SLICE = 8192

const EMPTY = Buffer.alloc(0)
/** By llhttp's numbers. */
const VERSIONS: Readonly<Record<number, string>> = { 10: '1.0', 11: '1.1' }

/** The connection that requests come on. */
export interface RequestHost extends BodySource {
  readonly client: ClientInfo
  /** A head has come, and all of a request without a body. */
  onRequest(request: ClientRequest, keepsAlive: boolean): void
}

/**
 * Makes requests of the bytes of one client, one after another.
 *
 *     between -> head -> held -> body -> complete -> between …
 *                  \------ no body ------^             (any) -> over
 *
 * What comes while a body is held, and after a request until `next`, is kept and not looked at.
 */
export class RequestReader implements MessageEvents {
  readonly #host: RequestHost
  readonly #parser: HttpParser
  #at: 'between' | 'head' | 'held' | 'body' | 'complete' | 'over' = 'between'
  #request: ClientRequest | undefined
  /** Its head has been parsed just now. */
  #isNew = false
  #isRunning = false
  #kept: Buffer = EMPTY
  #isChunked = false
  /** Of a chunked body, from the slice that is being parsed. */
  #pieces: Buffer[] = []
  #bodyBytes = 0
  #framedBytes = 0

  constructor(host: RequestHost, maxHeaderBytes: number) {
    this.#host = host
    this.#parser = new HttpParser('request', this, maxHeaderBytes)
  }

  /** Whether a head has begun and is not complete. */
  get isInHead(): boolean {
    return this.#at === 'head'
  }

  /** Bytes that have come and wait. */
  get kept(): Buffer {
    return this.#kept
  }

  /**
   * Bytes from the client.
   * @throws {ProxyError} what is wrong with them; they are the last that are looked at
   */
  take(bytes: Buffer): void {
    if (this.#at === 'over') return
    this.#kept = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes])
    this.run()
  }

  /**
   * Looks at what has been kept. A loop, not a recursion: a thousand requests may have been sent ahead, and each be
   * answered at once.
   * @throws {ProxyError} as {@link take}
   */
  run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      while (this.#kept.length > 0 && this.#reads) this.#parse()
    } finally {
      this.#isRunning = false
    }
  }

  /** The body is wanted. */
  release(): void {
    if (this.#at === 'held') this.#at = 'body'
  }

  /** The body is not wanted for now. */
  hold(): void {
    if (this.#at === 'body') this.#at = 'held'
  }

  /** The request that has come is done with. */
  next(): void {
    if (this.#at !== 'complete') return
    this.#parser.next()
    this.#request = undefined
    this.#at = 'between'
  }

  /** Nothing is read any more; what is kept stays. */
  stop(): void {
    this.#at = 'over'
    this.#parser.free()
  }

  onHead(): 'asFramed' | 'later' {
    const { method, target: url, version, headers: rawHeaders } = this.#parser
    const httpVersion = VERSIONS[version] ?? `${Math.floor(version / 10)}.${version % 10}`
    const isUpgrade = this.#parser.isUpgrade && mayUpgrade({ rawHeaders, httpVersion })
    const head = { method, url, httpVersion, rawHeaders, isUpgrade } as const
    this.#request = new ClientRequest(this.#host.client, this.#host, head)
    this.#isNew = true
    this.#at = 'held'
    this.#isChunked = findField(rawHeaders, 'transfer-encoding') !== undefined
    // If the head says nothing of a length, nothing follows it (RFC 9112 section 6.3).
    const hasBody = this.#isChunked || Number(findField(rawHeaders, 'content-length') ?? 0) !== 0
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
    const bytes = isFirst ? withoutEmptyLines(this.#kept) : this.#kept
    const isBody = this.#at === 'body'
    this.#kept = EMPTY
    if (bytes.length === 0) return
    if (isFirst) this.#at = 'head'
    try {
      const isSliced = isBody && this.#isChunked
      const isWhole = bytes.length <= SLICE || (isBody && !isSliced)
      const consumed = this.#parser.execute(isWhole ? bytes : bytes.subarray(0, SLICE))
      this.#keepRest(bytes, consumed)
      this.#deliver()
      if (isSliced) this.#countFraming(consumed)
    } catch (error) {
      this.#at = 'over'
      throw requestError(asProxyError(error), this.#parser, isFirst ? bytes : EMPTY)
    }
    if (this.#isNew) this.#tell()
  }

  /** What is cut into tiny chunks goes on in one piece. */
  #deliver(): void {
    const pieces = this.#pieces
    const [first] = pieces
    if (first === undefined) return
    this.#pieces = []
    this.#request?.deliver(pieces.length === 1 ? first : Buffer.concat(pieces))
  }

  /** In front of what a callback may have let come meanwhile. */
  #keepRest(bytes: Buffer, consumed: number): void {
    if (consumed === bytes.length) return
    const rest = bytes.subarray(consumed)
    this.#kept = this.#kept.length === 0 ? rest : Buffer.concat([rest, this.#kept])
  }

  #tell(): void {
    const request = this.#request
    this.#isNew = false
    this.#bodyBytes = 0
    this.#framedBytes = 0
    if (request === undefined) return
    if (!request.isComplete) this.#parser.next()
    this.#host.onRequest(request, this.#parser.keepsAlive)
  }

  /** Chunk extensions are nothing that anybody reads: what is almost only framing is no body. */
  #countFraming(consumed: number): void {
    this.#framedBytes += consumed
    if (this.#framedBytes - this.#bodyBytes > FREE_FRAMING + FRAMING_PER_BYTE * this.#bodyBytes)
      throw new ProxyError('PTC_REQUEST_MALFORMED', 'the body of the request is almost nothing but framing')
  }
}

/** RFC 9112 section 2.2: empty lines before a request are ignored; nothing has begun with them. */
function withoutEmptyLines(bytes: Buffer): Buffer {
  let at = 0
  while (bytes[at] === 0x0d || bytes[at] === 0x0a) at += 1
  return at === 0 ? bytes : bytes.subarray(at)
}

function findField(raw: readonly string[], wanted: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (name.length === wanted.length && name.toLowerCase() === wanted) return raw[i + 1]
  }
  return undefined
}

const asProxyError = (error: unknown): ProxyError => toProxyError(error, 'the request could not be handled')
