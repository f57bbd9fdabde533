import { constants } from 'node:http2'
import { ProxyError } from '../base/errors.js'
import { flooded } from '../base/floods.js'
import { codeReader } from './codes.js'
import { FLAG, FRAME, type Frame, type PayloadReader } from './frames.js'

/** How many frames of a kind an end may send in a minute; the names are those of the records. */
export interface FrameRates {
  readonly settings: number
  readonly ping: number
  readonly priority: number
  /** Streams that it resets, and streams that are reset here for its mistakes. */
  readonly rstStream: number
  readonly continuation: number
  /** Frames without payload that end nothing. */
  readonly empty: number
}

const MINUTE = 60_000
/** The kinds as records and metrics have them. */
const NAMES: Readonly<Record<keyof FrameRates, string>> = {
  settings: 'settings',
  ping: 'ping',
  priority: 'priority',
  rstStream: 'rst_stream',
  continuation: 'continuation',
  empty: 'empty',
}
/**
 * What an origin may send beside that for each request: a head of the largest size in frames of the smallest, and trailers. Many
 * clients share its connection, so one that asks for large heads must not use up the limits of the others.
 */
const FOR_A_REQUEST: Partial<FrameRates> = { continuation: 16, empty: 4 }
const CODES = { client: 'PTC_HTTP2_FLOOD', origin: 'PTC_ORIGIN_FLOOD' } as const

/** Codes of a reset that say: the other end has made a mistake on this stream (RFC 9113 section 7). */
const MISTAKES: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_STREAM_CLOSED,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
])

/**
 * Counts the frames of one end that cost work and carry nothing: streams that are opened and reset at once, settings,
 * pings, heads in a thousand parts. A reset that it provokes counts as its own (CVE-2025-8671).
 *
 * A ping is free if a head or a body has gone to that end since its last one. gRPC measures the line in this way, and sends a ping for
 * each piece of a body, as fast as they come.
 */
export class FrameLimits {
  readonly #side: keyof typeof CODES
  readonly #rates: () => FrameRates
  #counts: Partial<Record<keyof FrameRates, number>> = {}
  #since = performance.now()
  #mayPing = false
  /** Sent to this end within the minute, if it is an origin. */
  #requests = 0
  /** It was counted as a flood. */
  #isFlood = false

  /** @param side of the end whose frames are counted */
  constructor(side: keyof typeof CODES, rates: () => FrameRates) {
    this.#side = side
    this.#rates = rates
  }

  /**
   * Counts a frame that has come.
   * @throws {ProxyError} PTC_HTTP2_FLOOD of a client, PTC_ORIGIN_FLOOD of an origin
   */
  count(frame: Frame): void {
    const kind = kindOf(frame)
    if (kind === 'ping' && this.#mayPing) this.#mayPing = false
    else if (kind !== undefined) this.#add(kind)
    this.#check(kind)
    this.#check('rstStream') // those that were provoked are counted on their way out
  }

  /** Looks at a frame that goes to the end. */
  readonly sent = ({ type }: Frame): void => {
    if (type === FRAME.data || type === FRAME.headers) this.#mayPing = true
    if (type === FRAME.headers && this.#side === 'origin') this.#requests += 1
  }

  /** Reads of a frame that goes to the end why its stream is reset. */
  readonly sentPayloadOf = (frame: Frame): PayloadReader | undefined =>
    frame.type === FRAME.rstStream ? codeReader(frame, this.#onReset) : undefined

  readonly #onReset = (code: number): void => {
    if (MISTAKES.has(code)) this.#add('rstStream')
  }

  #add(kind: keyof FrameRates): void {
    const now = performance.now()
    if (this.#isOverdue(now)) {
      this.#since = now
      this.#counts = {}
      this.#requests = 0
    }
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
  }

  /** Whether the minute that was counted is over. */
  #isOverdue(now: number): boolean {
    return now - this.#since >= MINUTE
  }

  #check(kind: keyof FrameRates | undefined): void {
    if (kind === undefined) return
    const limit = this.#rates()[kind] + this.#requests * (FOR_A_REQUEST[kind] ?? 0)
    if ((this.#counts[kind] ?? 0) <= limit || this.#isOverdue(performance.now())) return
    if (!this.#isFlood) flooded(this.#side, NAMES[kind])
    this.#isFlood = true
    const record = `proxy.config.http2.max_${NAMES[kind]}_frames_per_minute`
    throw new ProxyError(CODES[this.#side], `more than ${limit} frames in a minute (${record})`)
  }
}

function kindOf({ type, flags, length }: Frame): keyof FrameRates | undefined {
  const isAck = (flags & FLAG.ack) !== 0
  switch (type) {
    case FRAME.settings:
      return isAck ? undefined : 'settings'
    case FRAME.ping:
      return isAck ? undefined : 'ping'
    case FRAME.priority:
      return 'priority'
    case FRAME.rstStream:
      return 'rstStream'
    case FRAME.continuation:
      return 'continuation'
    case FRAME.data:
      return length === 0 && (flags & FLAG.endStream) === 0 ? 'empty' : undefined
    default:
      return undefined
  }
}
