/** HTTP/2 by hand: what no library sends. */
import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import { FLAG, FRAME, type Frame, FrameReader, PREFACE_BYTES } from '../../core/http2/frames.js'
import { tlsSocket } from './http2-client.js'
import type { Issued } from './pki.js'
import { guardServer } from './tcp-server.js'

/** One frame (RFC 9113 section 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = NOTHING): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const NOTHING = Buffer.alloc(0)

const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')])

/** Fields without compression (RFC 7541 section 6.2.2), each shorter than 127 bytes. */
export const block = (fields: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  )

export const HEAD_FIELDS = { ':method': 'POST', ':scheme': 'http', ':authority': 'a.test', ':path': '/' }
/** The head of a request. */
export const HEAD = block(HEAD_FIELDS)

const many = (count: number, make: (i: number) => Buffer[]): Buffer[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat()

/** So many frames of a kind, and what has to be around them. */
export const FLOODS = {
  settings: (count: number) => many(count, () => [frame(FRAME.settings, 0, 0)]),
  ping: (count: number) => many(count, () => [frame(FRAME.ping, 0, 0, Buffer.alloc(8))]),
  priority: (count: number) => many(count, () => [frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))]),
  rst_stream: (count: number) =>
    many(count, i => [
      frame(FRAME.headers, FLAG.endHeaders, 2 * i + 1, HEAD),
      frame(FRAME.rstStream, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
    ]),
  continuation: (count: number) => [
    frame(FRAME.headers, 0, 1, HEAD),
    ...many(count, i => [
      frame(FRAME.continuation, i + 1 === count ? FLAG.endHeaders : 0, 1, block({ [`x-${i}`]: 'a' })),
    ]),
  ],
  empty: (count: number) => [
    frame(FRAME.headers, FLAG.endHeaders, 1, HEAD),
    ...many(count, () => [frame(FRAME.data, 0, 1)]),
  ],
} as const

/** Streams that the receiver has to reset, because its sender makes a mistake on each. */
export const PROVOKED = {
  'a body longer than announced': (count: number) =>
    many(count, i => [
      frame(FRAME.headers, FLAG.endHeaders, 2 * i + 1, block({ ...HEAD_FIELDS, 'content-length': '1' })),
      frame(FRAME.data, 0, 2 * i + 1, Buffer.from('xx')),
    ]),
  'a field that is none': (count: number) =>
    many(count, i => [
      frame(
        FRAME.headers,
        FLAG.endHeaders | FLAG.endStream,
        2 * i + 1,
        block({ ...HEAD_FIELDS, te: 'gzip' }),
      ),
    ]),
} as const

/**
 * An origin of HTTP/2 by hand.
 * @param onFrame told of each frame, with what sends bytes back
 */
export async function rawHttp2Origin(
  t: Test,
  { chainPem, keyPem }: Pick<Issued, 'chainPem' | 'keyPem'>,
  onFrame: (frame: Frame, send: (bytes: Uint8Array) => void) => void,
): Promise<number> {
  const server = createTlsServer({ cert: chainPem, key: keyPem, ALPNProtocols: ['h2'] })
  server.on('secureConnection', socket => {
    socket.on('error', () => {})
    const send = (bytes: Uint8Array): void => {
      if (!socket.destroyed) socket.write(bytes)
    }
    send(frame(FRAME.settings, 0, 0))
    const reader = new FrameReader(found => onFrame(found, send), PREFACE_BYTES)
    socket.on('data', (bytes: Buffer) => reader.take(bytes))
  })
  const { port, stop } = await guardServer(server)
  t.teardown(stop)
  return port
}

export interface RawHttp2 {
  /** Called for each frame of the proxy. */
  onFrame: (frame: Frame) => void
  /** What the proxy has sent, payloads left out. */
  readonly frames: readonly Frame[]
  send(bytes: Uint8Array): void
  readonly closed: Promise<unknown>
  readonly isClosed: boolean
  stop(): void
}

/** A connection that has negotiated HTTP/2, its preface and settings sent. */
export async function rawHttp2(port: number, ca: string, servername: string): Promise<RawHttp2> {
  const socket = await tlsSocket(port, { ca, servername, alpn: ['h2'] })
  const frames: Frame[] = []
  const raw: RawHttp2 = {
    ...{ frames, send: bytes => void socket.write(bytes), closed: once(socket, 'close') },
    ...{ onFrame: () => {}, stop: () => socket.destroy() },
    get isClosed() {
      return socket.closed
    },
  }
  raw.closed.catch(() => {})
  const reader = new FrameReader(found => {
    frames.push(found)
    raw.onFrame(found)
  })
  socket.on('data', (bytes: Buffer) => reader.take(bytes))
  socket.on('error', () => {})
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(frame(FRAME.settings, 0, 0))
  return raw
}
