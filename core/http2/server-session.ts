import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { ProxyError } from '../base/errors.js'
import type { FrameRates } from './frame-limits.js'
import type { LinkStream } from './link-stream.js'

/** What a client of HTTP/2 may do. Times are in milliseconds, sizes in bytes. */
export interface Http2Limits {
  readonly maxStreams: number
  /** Of each stream: how much of a body may be sent ahead. */
  readonly window: number
  readonly maxFrame: number
  readonly headerTable: number
  /** Of a head after decompression, 32 bytes for each field included. */
  readonly maxHeaderBytes: number
  /** Without a stream. */
  readonly idleTimeout: number
  /** For all frames of one head. */
  readonly headTimeout: number
  readonly rates: FrameRates
}

/** nghttp2 counts 32 bytes for a field that is empty: what `maxHeaderBytes` allows, and no more. */
const BYTES_PER_FIELD = 32
/** For settings, frames that wait, and heads of one connection; node:http2 counts in megabytes. */
const MAX_SESSION_MEGABYTES = 16

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

function makeServer({ maxStreams, window, maxFrame, headerTable, maxHeaderBytes }: Http2Limits): Http2Server {
  const settings = {
    maxConcurrentStreams: maxStreams,
    initialWindowSize: window,
    maxFrameSize: maxFrame,
    headerTableSize: headerTable,
    maxHeaderListSize: maxHeaderBytes,
    enableConnectProtocol: true,
  }
  const maxHeaderListPairs = Math.ceil(maxHeaderBytes / BYTES_PER_FIELD)
  return createServer({ settings, maxHeaderListPairs, maxSessionMemory: MAX_SESSION_MEGABYTES })
}
