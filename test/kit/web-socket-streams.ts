/** Extended CONNECT (RFC 8441) to an origin, and clients that ask for a WebSocket there. */
import { once } from 'node:events'
import {
  type ClientHttp2Stream,
  createSecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import { testRoot } from './connecting.js'
import { at, HOST } from './http2-bumping.js'
import type { Http2Client } from './http2-client.js'
import { answerHttp2 } from './http2-origin.js'
import { poll } from './watch.js'
import { echoFrames, frameText, maskedFrame, WEB_SOCKET_KEY } from './web-socket.js'

export type OnConnect = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

/** Accepts, and leaves the stream to the test. */
export const accepted: OnConnect = (stream, headers) => {
  const protocol = headers['sec-websocket-protocol']
  const fields = protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }
  endsOnly(stream).respond({ ':status': 200, ...fields }, { waitForTrailers: true })
}

/** Accepts, and sends every byte back: a masked frame is unmasked by the reader of the test. */
export const accepting: OnConnect = (stream, headers) => {
  accepted(stream, headers)
  stream.pipe(stream)
}

export interface WebSocketOrigin {
  readonly port: number
  /** The fields of each extended CONNECT. */
  readonly connects: readonly IncomingHttpHeaders[]
  /** Their streams. */
  readonly streams: readonly ServerHttp2Stream[]
  /** The path of each upgrade in HTTP/1.1, which is accepted. */
  readonly upgrades: readonly string[]
  readonly connections: readonly Socket[]
  readonly sessions: readonly ServerHttp2Session[]
}

/** It speaks HTTP/1.1, too, and announces extended CONNECT, unless the options say otherwise. */
export async function webSocketOrigin(
  t: Test,
  onConnect: OnConnect,
  { settings, ...options }: SecureServerOptions = {},
): Promise<WebSocketOrigin> {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  const connects: IncomingHttpHeaders[] = []
  const streams: ServerHttp2Stream[] = []
  const upgrades: string[] = []
  const connections: Socket[] = []
  const sessions: ServerHttp2Session[] = []
  const server = createSecureServer(
    {
      ...{ allowHTTP1: true, cert: leaf.chainPem, key: leaf.keyPem, ...options },
      settings: { enableConnectProtocol: true, ...settings },
    },
    answerHttp2,
  )
  server.on('connect', ({ stream, headers }) => {
    stream.on('error', () => {})
    connects.push(headers)
    streams.push(stream)
    onConnect(stream, headers)
  })
  server.on('upgrade', (req, socket) => {
    upgrades.push(req.url ?? '')
    echoFrames(req, socket)
  })
  server.on('unknownProtocol', (socket: Socket) => socket.destroy())
  server.on('session', session => sessions.push(session))
  server.on('secureConnection', socket => {
    socket.on('error', () => {})
    connections.push(socket)
    t.teardown(() => socket.destroy())
  })
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { port, connects, streams, upgrades, connections, sessions }
}

/** Asks for a WebSocket on a stream. */
export function asks({ session }: Http2Client, port: number, path = '/chat?room=1'): ClientHttp2Stream {
  const headers = {
    ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https' },
    ...at(port, path, { 'sec-websocket-version': '13', 'sec-websocket-protocol': 'chat' }),
  }
  const stream = session.request(headers, { endStream: false, waitForTrailers: true })
  stream.on('error', () => {})
  return endsOnly(stream)
}

/** Node ends a stream before it resets it, unless trailers are awaited. */
function endsOnly<T extends ClientHttp2Stream | ServerHttp2Stream>(stream: T): T {
  stream.removeAllListeners('wantTrailers') // of Node's own response
  stream.on('wantTrailers', () => {
    if (!stream.closed && !stream.destroyed) stream.sendTrailers({})
  })
  return stream
}

/** Asks, and has the answer. */
export async function opens(client: Http2Client, port: number, path?: string): Promise<ClientHttp2Stream> {
  const stream = asks(client, port, path)
  await once(stream, 'response')
  return stream
}

/** The same wish in HTTP/1.1. */
export const upgrade = (port: number, key = WEB_SOCKET_KEY): string =>
  `GET /chat HTTP/1.1\r\nHost: ${HOST}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`

/** The head of the answer, and what has come behind it. */
export async function headOn(socket: Duplex): Promise<{ readonly head: string; readonly rest: Buffer }> {
  let bytes = Buffer.alloc(0)
  const onData = (more: Buffer): void => {
    bytes = Buffer.concat([bytes, more])
  }
  socket.on('data', onData)
  const end = await poll(() => (bytes.includes('\r\n\r\n') ? bytes.indexOf('\r\n\r\n') : undefined), 'a head')
  socket.off('data', onData)
  return { head: bytes.toString('latin1', 0, end), rest: bytes.subarray(end + 4) }
}

/** Sends frames, and wants each back. @param first what has come before */
export async function exchangesFrames(
  t: Test,
  stream: Duplex,
  first: Buffer = Buffer.alloc(0),
): Promise<void> {
  let bytes: Buffer = first
  stream.on('data', (more: Buffer) => {
    bytes = Buffer.concat([bytes, more])
  })
  for (const text of ['hello', 'x'.repeat(60_000), 'bye']) {
    bytes = Buffer.alloc(0)
    stream.write(maskedFrame(text))
    t.equal(await poll(() => frameText(bytes), 'a frame'), text)
  }
}
