/** An origin of HTTP/2, or of HTTP/1.1 for those that ask for it, that keeps a log. */
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2'
import type { Authority } from './pki.js'
import { guardServer } from './tcp-server.js'

export interface Http2Seen {
  readonly version: string
  readonly method: string
  readonly url: string
  readonly headers: Http2ServerRequest['headers']
  /** Index of the connection it came on. */
  readonly connection: number
}

export interface Http2Origin {
  readonly port: number
  readonly seen: readonly Http2Seen[]
  readonly connections: number
  readonly sessions: readonly ServerHttp2Session[]
  readonly server: Http2SecureServer
  stop(): Promise<void>
}

export type Http2Answer = (req: Http2ServerRequest, res: Http2ServerResponse) => void

/** Answers `/bytes/N` with N bytes, `/echo` with the body, `/hang` never, anything else with a short text. */
export const answerHttp2: Http2Answer = (req, res) => {
  const bytes = /^\/bytes\/(\d+)/.exec(req.url)?.[1]
  if (req.url === '/hang') return
  if (req.url === '/echo') return void req.pipe(res)
  res.end(bytes === undefined ? `hello over ${req.httpVersion}` : Buffer.alloc(Number(bytes), 'x'))
}

export async function http2Origin(
  later: (end: () => Promise<void>) => void,
  names: readonly string[],
  root: Authority,
  answer: Http2Answer = answerHttp2,
  options: SecureServerOptions = {},
): Promise<Http2Origin> {
  const leaf = await root.issue({ cn: names[0] ?? '', sans: names })
  const seen: Http2Seen[] = []
  const sessions: ServerHttp2Session[] = []
  const connections = new Map<unknown, number>()
  const server = createSecureServer({ allowHTTP1: true, cert: leaf.chainPem, key: leaf.keyPem, ...options })
  server.on('session', session => sessions.push(session))
  server.on('secureConnection', socket => connections.set(socket.remotePort, connections.size))
  server.on('sessionError', () => {})
  server.on('request', (req, res) => {
    const { httpVersion: version, method, url, headers, socket } = req
    seen.push({ version, method, url, headers, connection: connections.get(socket.remotePort) ?? -1 })
    req.on('error', () => {})
    res.on('error', () => {})
    answer(req, res)
  })
  const { port, stop } = await guardServer(server)
  later(stop)
  return {
    port,
    seen,
    sessions,
    server,
    get connections() {
      return connections.size
    },
    stop,
  }
}
