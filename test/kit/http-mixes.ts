/** A client and an origin, each of HTTP/1.1 or HTTP/2, with an `ssl` port of the proxy between them: the same words for both. */
import {
  type ClientRequest,
  request as http1Request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { ClientHttp2Stream } from 'node:http2'
import { createServer } from 'node:https'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Test } from 'tap'
import { Http2Client, tlsSocket } from './http2-client.js'
import { type Http2Answer, http2Origin } from './http2-origin.js'
import { root, secureProxy } from './secure-proxy.js'
import { guardServer } from './tcp-server.js'

export const MIXES = [
  ['1.1', '1.1'],
  ['1.1', '2'],
  ['2', '1.1'],
  ['2', '2'],
] as const

/** Tells a story once for each mix of versions. */
export async function inEachMix(
  top: Test,
  story: (t: Test, mix: (typeof MIXES)[number]) => Promise<void>,
): Promise<void> {
  for (const mix of MIXES)
    await top.test(`HTTP/${mix[0]} to the proxy, HTTP/${mix[1]} to the origin`, t => story(t, mix))
}

const HOST = 'origin.example'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** What has come of a response. */
export interface MixedHead {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Its bytes, to be read by the test. */
  readonly body: Readable
}

/** A request whose body is the test's to write. */
export interface MixedRequest {
  readonly out: Writable
  end(trailers?: Readonly<Record<string, string>>): void
  /** The client goes away. */
  leave(): void
  readonly interim: readonly number[]
  readonly head: Promise<MixedHead>
  /** Those that have come with the end of the body. */
  trailers(): Readonly<Record<string, unknown>>
  /** Whether the body that has ended was complete. */
  isWhole(): boolean
}

export interface Mixed {
  /** @param method those without a body end at once */
  ask(method: string, path: string, headers?: Readonly<Record<string, string>>): Promise<MixedRequest>
}

/** @param handler answers the requests */
export async function mixed(
  t: Test,
  [client, origin]: (typeof MIXES)[number],
  handler: Handler,
): Promise<Mixed> {
  const later = (end: () => Promise<void>): void => t.teardown(end)
  // The compatibility API of node:http2 has the same words.
  const answer = handler as unknown as Http2Answer
  const port =
    origin === '2'
      ? (await http2Origin(later, [HOST], root, answer, { allowHTTP1: false })).port
      : await plainOrigin(later, handler)
  const proxy = await secureProxy(t, [], {
    ca: root.certPem,
    records: { 'proxy.config.ssl.client.alpn_protocols': 'h2,http/1.1' },
  })
  const connect = async (): Promise<Duplex> => {
    const alpn = [client === '2' ? 'h2' : 'http/1.1']
    const socket = await tlsSocket(proxy.port, { ca: root.certPem, servername: 'proxy.example', alpn })
    t.teardown(() => socket.destroy())
    return socket
  }
  const to = `${HOST}:${port}`
  if (client === '1.1') {
    return {
      ask: async (method, path, headers = {}) => {
        const socket = await connect()
        const url = `https://${to}${path}`
        const fields = { host: to, ...headers }
        return overHttp1(
          http1Request({ createConnection: () => socket as never, method, path: url, headers: fields }),
          method,
        )
      },
    }
  }
  const { session, stop } = new Http2Client(await connect())
  t.teardown(stop)
  return {
    ask: async (method, path, headers = {}) => {
      const fields = { ':method': method, ':scheme': 'https', ':authority': to, ':path': path, ...headers }
      const endStream = isBodiless(method)
      return overHttp2(session.request(fields, { endStream, waitForTrailers: !endStream }), method)
    },
  }
}

async function plainOrigin(later: (end: () => Promise<void>) => void, handler: Handler): Promise<number> {
  const { chainPem, keyPem } = await root.issue({ cn: HOST, sans: [HOST] })
  const { port, stop } = await guardServer(createServer({ cert: chainPem, key: keyPem }, handler))
  later(stop)
  return port
}

const isBodiless = (method: string): boolean => method === 'GET' || method === 'HEAD'

function overHttp1(req: ClientRequest, method: string): MixedRequest {
  const interim: number[] = []
  let response: IncomingMessage | undefined
  req.on('information', ({ statusCode }) => interim.push(statusCode))
  req.on('error', () => {})
  const head = new Promise<MixedHead>((resolve, reject) => {
    req.once('response', res => {
      response = res
      res.on('error', () => {})
      resolve({ status: res.statusCode ?? 0, headers: res.headers, body: res })
    })
    req.once('close', () => reject(new Error('no response')))
  })
  head.catch(() => {})
  if (isBodiless(method)) req.end()
  else req.flushHeaders()
  return {
    out: req,
    end: trailers => {
      if (trailers !== undefined) req.addTrailers(trailers)
      req.end()
    },
    leave: () => req.destroy(),
    interim,
    head,
    trailers: () => response?.trailers ?? {},
    isWhole: () => response?.complete === true,
  }
}

function overHttp2(stream: ClientHttp2Stream, method: string): MixedRequest {
  const interim: number[] = []
  let received: Readonly<Record<string, unknown>> = {}
  let last: Readonly<Record<string, string>> = {}
  let hasEnded = false
  stream.on('headers', ({ ':status': status }) => interim.push(Number(status)))
  stream.on('trailers', ({ ...fields }) => {
    received = fields
  })
  stream.on('wantTrailers', () => stream.sendTrailers(last))
  stream.on('end', () => {
    hasEnded = true
  })
  stream.on('error', () => {})
  const head = new Promise<MixedHead>((resolve, reject) => {
    stream.once('response', ({ ':status': status, ...headers }) =>
      resolve({ status: Number(status), headers, body: stream }),
    )
    stream.once('close', () => reject(new Error(`no response: ${stream.rstCode}`)))
  })
  head.catch(() => {})
  if (isBodiless(method)) stream.end()
  return {
    out: stream,
    end: (trailers = {}) => {
      last = trailers
      stream.end()
    },
    leave: () => stream.close(8),
    interim,
    head,
    trailers: () => received,
    isWhole: () => hasEnded && stream.rstCode === 0,
  }
}

/** All of a body, until it ends or breaks off. */
export function whole(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  body.on('data', (bytes: Buffer) => chunks.push(bytes))
  return new Promise(resolve => body.once('close', () => resolve(Buffer.concat(chunks))))
}
