import { ProxyError } from '../base/errors.js'
import { FLAG, FRAME, type Frame } from './frames.js'

/** How many frames of a kind an end may send in a minute; the names are those of the records. */
export interface FrameRates {
  readonly settings: number
  readonly ping: number
  readonly priority: number
  readonly rstStream: number
  readonly continuation: number
  /** Frames without payload that end nothing. */
  readonly empty: number
}

const MINUTE = 60_000
const RECORD: Readonly<Record<keyof FrameRates, string>> = {
  settings: 'max_settings_frames_per_minute',
  ping: 'max_ping_frames_per_minute',
  priority: 'max_priority_frames_per_minute',
  rstStream: 'max_rst_stream_frames_per_minute',
  continuation: 'max_continuation_frames_per_minute',
  empty: 'max_empty_frames_per_minute',
}

/**
 * Counts the frames of one end that cost work and carry nothing: streams that are opened and reset at once, settings,
 * pings, heads in a thousand parts.
 */
export class FrameLimits {
  readonly #rates: () => FrameRates
  #counts: Partial<Record<keyof FrameRates, number>> = {}
  #since = performance.now()

  constructor(rates: () => FrameRates) {
    this.#rates = rates
  }

  /** @throws {ProxyError} PTC_HTTP2_FLOOD */
  count(frame: Frame): void {
    const kind = kindOf(frame)
    if (kind === undefined) return
    const now = performance.now()
    if (now - this.#since >= MINUTE) {
      this.#since = now
      this.#counts = {}
    }
    const count = (this.#counts[kind] ?? 0) + 1
    this.#counts[kind] = count
    const limit = this.#rates()[kind]
    if (count <= limit) return
    const record = `proxy.config.http2.${RECORD[kind]}`
    throw new ProxyError('PTC_HTTP2_FLOOD', `more than ${limit} frames in a minute (${record})`)
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
