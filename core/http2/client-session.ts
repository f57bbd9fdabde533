import { type ClientHttp2Session, connect } from 'node:http2'
import type { LinkStream } from './link-stream.js'

/** HTTP/2 with origins. Sizes are in bytes, times in milliseconds. */
export interface OriginHttp2Limits {
  /** Streams at once on one connection, where the origin allows as many. */
  readonly maxStreams: number
  /** Of each stream: how much of a response an origin may send ahead. */
  readonly window: number
  readonly maxFrame: number
  readonly headerTable: number
  /** Without a stream. */
  readonly idleTimeout: number
}

/** Bytes that nghttp2 counts for a field that is empty. */
const BYTES_PER_FIELD = 32
/** For settings, frames that wait, and heads of one connection; node:http2 counts in megabytes. */
const MAX_SESSION_MEGABYTES = 16

/**
 * Speaks HTTP/2 with an origin. Nothing is read before the stream begins.
 * @param maxHeadBytes of a response's head, after decompression
 */
export function clientSession(
  wire: LinkStream,
  { window, maxFrame, headerTable }: OriginHttp2Limits,
  maxHeadBytes: number,
): ClientHttp2Session {
  return connect('https://unused.invalid', {
    createConnection: () => wire,
    settings: {
      enablePush: false,
      initialWindowSize: window,
      maxFrameSize: maxFrame,
      headerTableSize: headerTable,
      maxHeaderListSize: maxHeadBytes,
    },
    maxHeaderListPairs: Math.ceil(maxHeadBytes / BYTES_PER_FIELD),
    maxReservedRemoteStreams: 0,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
  })
}
