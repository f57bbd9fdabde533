// Longer than 250 lines because llhttp's callbacks, and the states they may find the parser in, are one concept.
import { toProxyError } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { fieldValue, fieldValues } from '../base/fields.js'
import { describe } from '../base/thrown.js'
import {
  allocParser,
  BODY,
  type Callbacks,
  ERRNO,
  errorReason,
  finishRun,
  freeParser,
  httpVersion,
  METHODS,
  methodNumber,
  type RunResult,
  resumeParser,
  run,
  shouldKeepAlive,
  TYPE,
} from './llhttp.js'

/** Receives what a parser finds. What a callback throws comes out of the `execute` that was running. */
export interface MessageEvents {
  /**
   * The head is complete; its fields are on the parser.
   * @returns whether a body follows as framed, or none whatever the fields say (a response to HEAD), or the protocol
   *   changes here (a response to CONNECT); `later`: as framed, but not before {@link HttpParser.next}
   */
  onHead(): keyof typeof BODY
  /** A piece of the body: a view of the bytes given to `execute`. */
  onBody(bytes: Buffer): void
  /**
   * The message is complete, trailers included.
   * @returns false to stop here: the rest of the input is not looked at until {@link HttpParser.next}
   */
  onMessage(): boolean
}

/**
 * One direction of an HTTP/1.x connection: bytes in, events out.
 *
 * Life: (message)* -> failed | upgraded -> freed. A failed parser takes no more bytes. `free` may be called at any time,
 * also from a callback, and twice.
 */
export class HttpParser implements Callbacks {
  readonly #type: keyof typeof TYPE
  /** How large the fields of a message may be; holds for the messages to come. */
  maxHeadBytes: number
  readonly #events: MessageEvents
  #pointer: number
  #state: 'ready' | 'running' | 'counting' | 'paused' | 'failed' | 'freed' = 'ready'
  /** Missing bytes of a body whose length is known; `counting` while it is above zero. */
  #bodyLeft = 0
  /** Stopped between a head and its body. */
  #isLater = false
  #freeWhenDone = false
  #thrown: { readonly error: unknown } | undefined
  #headBytes = 0
  #isInBody = false
  #lastWas: 'field' | 'value' = 'value'

  /** The method of a request; one that llhttp knows. */
  method = ''
  /** The request-target. */
  target = ''
  /** The status of a response. */
  status = 0
  reason = ''
  /** 10 or 11. */
  version = 11
  /** Names and values in turn, as received, each byte one character. */
  headers: string[] = []
  trailers: string[] = []
  /** The other end wants, or is ready, to speak another protocol after this message. */
  isUpgrade = false
  /** llhttp's number for what the last bytes came to. */
  errno: number = ERRNO.ok
  /** Whether another message may follow on this connection; known of a request, and of a complete response. */
  keepsAlive = false

  constructor(type: keyof typeof TYPE, events: MessageEvents, maxHeadBytes: number) {
    this.#type = type
    this.#events = events
    this.maxHeadBytes = maxHeadBytes
    this.#pointer = allocParser(TYPE[type])
  }

  /** Bytes of the fields, and of the target or the reason, of the message that is read. */
  get headBytes(): number {
    return this.#headBytes
  }

  /**
   * Parses bytes. Fewer are consumed than given when the parser was stopped after a message or the protocol changes.
   * @throws {ProxyError} PTC_RESPONSE_MALFORMED, PTC_REQUEST_MALFORMED, PTC_REQUEST_HEADERS_TOO_LARGE, and whatever a
   *   callback threw
   */
  execute(bytes: Buffer): number {
    if (this.#state === 'counting') return this.#countBody(bytes)
    if (this.#state !== 'ready') throw this.#misuse('given bytes')
    const { consumed } = this.#settle(() => run(this, this.#pointer, bytes))
    if (this.#bodyLeft === 0 || !this.#isPaused() || this.#isLater) return consumed
    this.#state = 'counting'
    return consumed + this.#countBody(bytes.subarray(consumed))
  }

  /**
   * The other end has sent its last byte.
   * @returns false if it did so inside a message; a body that lasts until the end is complete now
   */
  finish(): boolean {
    if (this.#state === 'counting') return false
    if (this.#state !== 'ready') throw this.#misuse('finished')
    try {
      this.#settle(() => finishRun(this, this.#pointer))
      return true
    } catch (error) {
      if (this.#thrown !== undefined) throw error
      return false
    }
  }

  /** Makes a parser that was stopped after a message ready for the next one, or for a body that was to come later. */
  next(): void {
    if (this.#state !== 'paused') throw this.#misuse('asked to go on')
    if (this.#isLater && this.#bodyLeft > 0) this.#state = 'counting'
    else {
      resumeParser(this.#pointer)
      this.#state = 'ready'
    }
    this.#isLater = false
  }

  free(): void {
    if (this.#state === 'freed') return
    if (this.#state === 'running') {
      this.#freeWhenDone = true
      return
    }
    this.#state = 'freed'
    freeParser(this.#pointer)
    this.#pointer = 0
  }

  /** Bytes of a body of known length need no parser: they are counted, and not copied into its memory. */
  #countBody(bytes: Buffer): number {
    const part = bytes.length > this.#bodyLeft ? bytes.subarray(0, this.#bodyLeft) : bytes
    if (part.length === 0) return 0
    this.#bodyLeft -= part.length
    this.#state = 'running'
    let after: 'counting' | 'paused' | 'failed' = 'failed'
    try {
      this.#events.onBody(part)
      if (this.#bodyLeft === 0 && !this.#freeWhenDone) this.#events.onMessage()
      after = this.#bodyLeft === 0 ? 'paused' : 'counting'
    } catch (error) {
      this.#caught(error)
    } finally {
      this.#state = after
      if (this.#freeWhenDone) this.free()
    }
    if (this.#thrown !== undefined) throw this.#thrown.error
    return part.length
  }

  /** As a function, because the compiler believes that a state it has seen stays. */
  #isPaused(): boolean {
    return this.#state === 'paused'
  }

  #settle(parse: () => RunResult): RunResult {
    this.#state = 'running'
    let result: RunResult
    try {
      result = parse()
      this.errno = result.errno
      this.#state = this.#stateAfter(result.errno)
      if (this.#thrown !== undefined) throw this.#thrown.error
      if (this.#state === 'failed' && !this.#freeWhenDone) throw this.#malformed()
    } finally {
      if (this.#state === 'running') this.#state = 'failed'
      if (this.#freeWhenDone) this.free()
    }
    return result
  }

  #stateAfter(errno: number): 'ready' | 'paused' | 'failed' {
    if (errno === ERRNO.ok) return 'ready'
    return errno === ERRNO.paused || errno === ERRNO.pausedUpgrade ? 'paused' : 'failed'
  }

  #malformed(): ProxyError {
    if (this.#headBytes > this.maxHeadBytes) {
      const code = this.#type === 'request' ? 'PTC_REQUEST_HEADERS_TOO_LARGE' : 'PTC_RESPONSE_MALFORMED'
      return new ProxyError(code, `the header fields are too large: more than ${this.maxHeadBytes} bytes`)
    }
    const code = this.#type === 'request' ? 'PTC_REQUEST_MALFORMED' : 'PTC_RESPONSE_MALFORMED'
    return new ProxyError(code, `malformed ${this.#type} (${errorReason(this.#pointer)})`)
  }

  #misuse(what: string): ProxyError {
    return new ProxyError('PTC_INTERNAL', `a ${this.#state} HTTP parser was ${what}`)
  }

  // What follows is called by llhttp.ts alone. Anything but 0 ends the run.

  begin(): number {
    this.#headBytes = 0
    this.#isInBody = false
    this.#lastWas = 'value'
    this.target = ''
    this.reason = ''
    this.headers = []
    this.trailers = []
    this.isUpgrade = false
    this.keepsAlive = false
    return this.#goOn()
  }

  url(part: string): number {
    this.target += part
    return this.#count(part)
  }

  statusText(part: string): number {
    this.reason += part
    return this.#count(part)
  }

  field(part: string): number {
    const list = this.#isInBody ? this.trailers : this.headers
    if (this.#lastWas === 'field') list[list.length - 1] += part
    else {
      if (!trimLast(list)) return this.#caught(misreadCoding(this.#type))
      list.push(part)
      this.#headBytes += SEPARATORS // or a head of nothing but empty fields would be four times what is allowed
    }
    this.#lastWas = 'field'
    return this.#count(part)
  }

  value(part: string): number {
    const list = this.#isInBody ? this.trailers : this.headers
    if (this.#lastWas === 'value') list[list.length - 1] += part
    else list.push(part)
    this.#lastWas = 'value'
    return this.#count(part)
  }

  headersComplete(status: number, isUpgrade: boolean): number {
    this.status = status
    this.isUpgrade = isUpgrade
    if (this.#type === 'request') this.method = METHODS[methodNumber(this.#pointer)] ?? ''
    this.version = httpVersion(this.#pointer)
    this.keepsAlive = shouldKeepAlive(this.#pointer)
    if (!trimLast(this.headers)) return this.#caught(misreadCoding(this.#type))
    this.#isInBody = true
    this.#lastWas = 'value'
    try {
      const framing = this.#events.onHead()
      if (this.#freeWhenDone) return -1
      this.#isLater = framing === 'later'
      if (framing === 'asFramed' || this.#isLater) this.#bodyLeft = this.#countedLength()
      // llhttp gets the answer "no body": it comes to the end of the message, and waits there.
      return this.#bodyLeft > 0 ? BODY.none : BODY[framing]
    } catch (error) {
      return this.#caught(error)
    }
  }

  body(bytes: Buffer): number {
    try {
      this.#events.onBody(bytes)
    } catch (error) {
      return this.#caught(error)
    }
    return this.#goOn()
  }

  messageComplete(): number {
    this.keepsAlive = shouldKeepAlive(this.#pointer)
    if (this.#bodyLeft > 0) return ERRNO.paused
    trimLast(this.trailers)
    try {
      const goesOn = this.#events.onMessage() || this.isUpgrade
      return goesOn ? this.#goOn() : ERRNO.paused
    } catch (error) {
      return this.#caught(error)
    }
  }

  #count(part: string): number {
    this.#headBytes += part.length
    return this.#headBytes > this.maxHeadBytes ? ERRNO.user : this.#goOn()
  }

  #goOn(): number {
    return this.#freeWhenDone ? ERRNO.user : ERRNO.ok
  }

  #caught(error: unknown): number {
    this.#thrown ??= { error: toProxyError(error, describe(error)) }
    return -1
  }

  /** The length of a body, if Content-Length alone frames it; llhttp has checked the field. */
  #countedLength(): number {
    const { status, headers } = this
    if (this.#type === 'request' ? this.isUpgrade : status < 200 || status === 204 || status === 304) return 0
    if (fieldValue(headers, 'transfer-encoding') !== undefined) return 0
    const length = Number(fieldValues(headers, 'content-length').at(-1) ?? 0)
    return Number.isSafeInteger(length) ? length : 0
  }
}

/** A colon and a line's end. */
const SEPARATORS = 3

/**
 * RFC 9112 section 5.1: white space behind a value is none of it. llhttp takes off what stands before.
 * @returns false where llhttp has read another value: to it, `chunked` with a tab behind is a coding that it does not know,
 *   and the body lasts until the end
 */
function trimLast(list: string[]): boolean {
  const last = list.length - 1
  const value = list[last]
  if (value === undefined) return true
  let end = value.length
  while (end > 0 && isBlank(value.charCodeAt(end - 1))) end -= 1
  if (end === value.length) return true
  list[last] = value.slice(0, end)
  return !value.includes('\t', end) || list[last - 1]?.toLowerCase() !== 'transfer-encoding'
}

const misreadCoding = (type: keyof typeof TYPE): ProxyError =>
  new ProxyError(
    type === 'request' ? 'PTC_REQUEST_MALFORMED' : 'PTC_RESPONSE_MALFORMED',
    `malformed ${type} (a tab behind a transfer coding)`,
  )

const isBlank = (c: number): boolean => c === 0x20 || c === 0x09
