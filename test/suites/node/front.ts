/**
 * Stands where Node's tests of its proxy client have a proxy of their own (`createProxyServer` of test/common). It hands every
 * byte to Portcullis and back, and logs the requests as that one does.
 */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'

/** What the tests compare. */
interface Logged {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: Record<string, unknown>
}

/** By the environment, because each test is a process of its own. */
const port = (name: string): number => Number(process.env[name])

export function createProxyServer(options: { readonly https?: boolean } = {}): {
  readonly proxy: Server
  readonly logs: Logged[]
} {
  const logs: Logged[] = []
  const proxy = options.https === true ? secureServer(logs) : createServer(client => relay(client, logs))
  const clients = new Set<Socket>()
  proxy.on('connection', (client: Socket) => clients.add(client.on('close', () => clients.delete(client))))
  // Their proxy is an HTTP server, which ends the connections that are idle.
  const close = proxy.close.bind(proxy)
  proxy.close = onClosed => {
    for (const client of clients) client.end()
    return close(onClosed)
  }
  return { proxy, logs }
}

/** A proxy that is reached by https: both hops are encrypted, and the requests are seen between them. */
function secureServer(logs: Logged[]): Server {
  const keys = process.env['NODE_KEYS'] ?? ''
  const read = (name: string): Buffer => readFileSync(`${keys}/${name}`)
  return createTlsServer({ cert: read('agent9-cert.pem'), key: read('agent9-key.pem') }, client => {
    // Its certificate is for another name than the one that is dialled here.
    const secured = tlsConnect({ port: port('PORTCULLIS_TLS_PORT'), rejectUnauthorized: false })
    join(client, secured, logs)
  })
}

function relay(client: Socket, logs: Logged[]): void {
  join(client, connect(port('PORTCULLIS_PORT'), '127.0.0.1'), logs)
}

function join(client: Socket, proxy: Socket, logs: Logged[]): void {
  const copy = parserOf(logs)
  client.on('data', (bytes: Buffer) => copy.write(bytes))
  client.pipe(proxy).pipe(client)
  client.on('error', () => proxy.destroy())
  proxy.on('error', () => client.destroy())
  client.on('close', () => proxy.destroy())
}

/** Reads a copy of what the client sends; the answers of its server go nowhere. */
function parserOf(logs: Logged[]): Duplex {
  const log = ({ method, url, headers }: IncomingMessage): void => {
    logs.push({ method, url, headers: { ...headers } })
  }
  const server = createHttpServer((request, response) => {
    log(request)
    request.resume().on('end', () => response.end())
  }).on('connect', log)
  const [copy, socket] = [
    new PassThrough(),
    new Duplex({ read: () => {}, write: (_, _encoding, done) => done() }),
  ]
  copy.on('data', (bytes: Buffer) => socket.push(bytes))
  server.emit('connection', socket)
  return copy
}
