import { ProxyError } from '../../base/errors.js'
import type { RequestHead, ResponseHead, ResponseSink } from '../../http1/messages.js'
import { ConnectionOwner } from '../connection-login.js'
import type { Http1 } from '../http1.js'

/** What came back. */
export interface Exchanged {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What is taken of an answer. */
export interface ExchangeBounds {
  readonly maxBytes: number
  /** Content types, in lower case. */
  readonly types: readonly string[] | undefined
}

/** No client's: the connection serves one request, and is closed. */
const OWNER = new ConnectionOwner(() => {})

/**
 * One request on a connection of its own, which is closed after it. An answer that is too large, or of a wrong type, is cut off
 * as soon as that is known. The status of a redirect is no concern of the type.
 * @throws {ProxyError} PTC_FETCH_FAILED, or what the connection ends with
 */
export function exchange(
  connection: Http1,
  head: RequestHead,
  body: Buffer | undefined,
  bounds: ExchangeBounds,
  signal: AbortSignal,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const over = (): void => {
      signal.removeEventListener('abort', onAbort)
      connection.close()
    }
    const fail = (why: unknown): void => {
      over()
      reject(why)
    }
    const onAbort = (): void => fail(signal.reason)
    const sink = new Collector(bounds, fail, answer => {
      over()
      resolve(answer)
    })
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      connection.send(head, sink, OWNER)
      if (body !== undefined && body.length > 0) connection.writeBody(body)
      connection.endBody([])
    } catch (cause) {
      fail(cause)
    }
  })
}

/** From this length on a body is put together as it comes: doing so at its end would hold the event loop. */
const LARGE = 1_048_576

class Collector implements ResponseSink {
  readonly #bounds: ExchangeBounds
  readonly #fail: (why: ProxyError) => void
  readonly #done: (answer: Exchanged) => void
  readonly #parts: Buffer[] = []
  /** The buffer for a large body of announced length; filled as far as bytes have come. */
  #whole: Buffer | undefined
  #bytes = 0
  #head: { readonly status: number; readonly headers: Readonly<Record<string, string>> } | undefined
  #isOver = false

  constructor(bounds: ExchangeBounds, fail: (why: ProxyError) => void, done: (answer: Exchanged) => void) {
    this.#bounds = bounds
    this.#fail = fail
    this.#done = done
  }

  onInterim(): void {
    // Bounded in number and size by the connection.
  }

  onHead({ status, headers: raw }: ResponseHead): void {
    const headers = byName(raw)
    this.#head = { status, headers }
    const { types, maxBytes } = this.#bounds
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (status === 200 && type !== undefined && types !== undefined && !types.includes(type))
      return this.#end(failed(`the answer is of type ${JSON.stringify(type.slice(0, 100))}`))
    if (!/^(?:identity)?$/i.test(headers['content-encoding'] ?? ''))
      return this.#end(failed('the answer is encoded, which was not asked for'))
    const length = Number(headers['content-length'] ?? 0)
    if (length > maxBytes) this.#end(tooLarge(maxBytes))
    else if (length >= LARGE) this.#whole = Buffer.allocUnsafeSlow(length)
  }

  onBody(bytes: Buffer): 'written' | 'held' {
    if (this.#isOver) return 'written'
    const at = this.#bytes
    this.#bytes += bytes.length
    const { maxBytes } = this.#bounds
    const whole = this.#whole
    if (this.#bytes > maxBytes) this.#end(tooLarge(maxBytes))
    else if (whole === undefined) this.#parts.push(Buffer.from(bytes))
    else if (this.#bytes > whole.length) this.#end(failed('the answer is longer than it says'))
    else bytes.copy(whole, at)
    return 'written'
  }

  onPartial(): void {
    // It is handed on in one piece.
  }

  onComplete(): void {
    if (this.#isOver || this.#head === undefined) return
    this.#isOver = true
    const body = this.#whole?.subarray(0, this.#bytes) ?? Buffer.concat(this.#parts)
    this.#done({ ...this.#head, body })
  }

  onUpgrade(): void {
    this.#end(failed('the source changed to another protocol'))
  }

  onDrain(): void {
    // The body is small, and has been written at once.
  }

  onFail(error: ProxyError): void {
    this.#end(error)
  }

  #end(why: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#fail(why)
  }
}

function byName(raw: readonly string[]): Readonly<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null)
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase() ?? ''
    fields[name] = fields[name] === undefined ? (raw[i + 1] ?? '') : `${fields[name]}, ${raw[i + 1]}`
  }
  return { ...fields }
}

const tooLarge = (max: number): ProxyError => failed(`the answer has more than ${max} bytes`)

export const failed = (what: string, cause?: unknown): ProxyError =>
  new ProxyError('PTC_FETCH_FAILED', `fetch: ${what}`, { cause })
