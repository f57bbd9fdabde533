import type { IncomingHttpHeaders } from 'node:http'
import type { ClientLink } from '../../vconn/link.js'
import type { ClientInfo } from './client-info.js'

/** Whoever reads a request's body. */
export interface BodyReader {
  /** Bytes that may be kept. After a `pause` a few more may come. */
  onBody(bytes: Buffer): void
  /** The body is complete; so are the trailers. */
  onBodyEnd(): void
}

/** What a request wants of the connection that it came on. */
export interface BodySource {
  /** Somebody reads the body, or goes on reading it. */
  flow(): void
  /** Nobody reads for now. */
  halt(): void
  /** Gives the connection away, with what came behind the request. The request can no longer be answered by its reply. */
  handOver(): { readonly link: ClientLink; readonly early: Buffer }
}

/**
 * A request as a client sent it.
 *
 * Life of its body: waiting -> read, with pauses -> complete. While it waits the client is not read on for long.
 */
export class ClientRequest {
  readonly client: ClientInfo
  readonly method: string
  /** The request-target as received. */
  readonly url: string
  /** As the request says: `1.1`, `1.0`, or what nobody answers. */
  readonly httpVersion: string
  /** Names and values in turn, as received, each byte one character. */
  readonly rawHeaders: readonly string[]
  rawTrailers: readonly string[] = []
  /** Asks for another protocol, and ends where that would begin. */
  readonly isUpgrade: boolean
  readonly #source: BodySource
  #headers: IncomingHttpHeaders | undefined
  #reader: BodyReader | undefined
  #isPaused = false
  #isComplete = false

  constructor(
    client: ClientInfo,
    source: BodySource,
    head: Pick<ClientRequest, 'method' | 'url' | 'httpVersion' | 'rawHeaders' | 'isUpgrade'>,
  ) {
    this.client = client
    this.#source = source
    this.method = head.method
    this.url = head.url
    this.httpVersion = head.httpVersion
    this.rawHeaders = head.rawHeaders
    this.isUpgrade = head.isUpgrade
  }

  /** By names in lower case. Of a field that came twice the values are joined, or the first counts where there is but one. */
  get headers(): IncomingHttpHeaders {
    this.#headers ??= byName(this.rawHeaders)
    return this.#headers
  }

  /** Whether the whole body has come. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Begins to read the body, or to read it for somebody else. */
  read(reader: BodyReader): void {
    this.#reader = reader
    this.#isPaused = false
    if (this.#isComplete) reader.onBodyEnd()
    else this.#source.flow()
  }

  pause(): void {
    if (this.#isPaused || this.#isComplete) return
    this.#isPaused = true
    this.#source.halt()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#source.flow()
  }

  /** Takes the connection over, to speak another protocol on it. */
  takeOver(): { readonly link: ClientLink; readonly early: Buffer } {
    return this.#source.handOver()
  }

  /** For the connection: bytes of the body. */
  deliver(bytes: Buffer): void {
    this.#reader?.onBody(bytes)
  }

  /** For the connection: the body is complete. */
  complete(trailers: readonly string[]): void {
    this.rawTrailers = trailers
    this.#isComplete = true
    this.#isPaused = false
    this.#reader?.onBodyEnd()
  }
}

/** Fields of which a second one means nothing: the first counts, as in node:http. */
const SINGLE: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
])

function byName(raw: readonly string[]): IncomingHttpHeaders {
  const found: Record<string, string> = Object.create(null)
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    const value = raw[i + 1] ?? ''
    const before = found[name]
    if (before === undefined) found[name] = value
    else if (!SINGLE.has(name)) found[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return found
}
