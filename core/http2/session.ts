/** The sessions of node:http2, with clients and with origins. Times are in milliseconds, sizes in bytes. */
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2'
import { ProxyError } from '../base/errors.js'
import type { FrameRates } from './frame-limits.js'
import type { LinkStream } from './link-stream.js'

/** HTTP/2 with origins. */
export interface OriginHttp2Limits {
  /** Streams at once on one connection; with an origin, where it allows as many. */
  readonly maxStreams: number
  /** Bytes of a body that the other end may send ahead on each stream. */
  readonly window: number
  readonly maxFrame: number
  readonly headerTable: number
  /** Without a stream. */
  readonly idleTimeout: number
  /** Of what the other end sends. */
  readonly rates: FrameRates
}

/** What a client of HTTP/2 may do. */
export interface Http2Limits extends OriginHttp2Limits {
  /** The largest head after decompression, 32 bytes for each field included. */
  readonly maxHeaderBytes: number
  /** For all frames of one head. */
  readonly headTimeout: number
}

/** What both ends have in common. @param maxHeadBytes of a head after decompression */
function optionsOf({ window, maxFrame, headerTable }: OriginHttp2Limits, maxHeadBytes: number) {
  const settings = {
    initialWindowSize: window,
    maxFrameSize: maxFrame,
    headerTableSize: headerTable,
    maxHeaderListSize: maxHeadBytes,
  }
  const maxHeaderListPairs = Math.ceil(maxHeadBytes / BYTES_PER_FIELD)
  return { settings, maxHeaderListPairs, maxSessionMemory: MAX_SESSION_MEGABYTES }
}

/** nghttp2 counts 32 bytes for a field that is empty: what the limit allows, and no more. */
const BYTES_PER_FIELD = 32
/** For settings, frames that wait, and heads of one connection; node:http2 counts in megabytes. */
const MAX_SESSION_MEGABYTES = 16

/**
 * Speaks HTTP/2 with an origin. Nothing is read before the stream begins.
 * @param maxHeadBytes of a response's head, after decompression
 */
export function clientSession(
  wire: LinkStream,
  limits: OriginHttp2Limits,
  maxHeadBytes: number,
): ClientHttp2Session {
  const { settings, ...others } = optionsOf(limits, maxHeadBytes)
  return connect('https://unused.invalid', {
    ...others,
    createConnection: () => wire,
    settings: { ...settings, enablePush: false },
    maxReservedRemoteStreams: 0,
  })
}

/** Servers that listen nowhere: they make sessions, one for each reading of the limits. */
const servers = new WeakMap<Http2Limits, Http2Server>()

/** Speaks HTTP/2 with a client. Nothing is read before the stream begins. */
export function serverSession(wire: LinkStream, limits: Http2Limits): ServerHttp2Session {
  const server = servers.get(limits) ?? makeServer(limits)
  servers.set(limits, server)
  let session: ServerHttp2Session | undefined
  server.once('session', made => {
    session = made
  })
  server.emit('connection', wire)
  if (session === undefined) throw new ProxyError('PTC_INTERNAL', 'node:http2 made no session')
  return session
}

function makeServer(limits: Http2Limits): Http2Server {
  const { settings, ...others } = optionsOf(limits, limits.maxHeaderBytes)
  const { maxStreams } = limits
  return createServer({
    ...others,
    settings: { ...settings, maxConcurrentStreams: maxStreams, enableConnectProtocol: true },
  })
}
