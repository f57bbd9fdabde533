import { randomBytes } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { Server } from 'node:net'
import type { TLSSocket, Server as TlsServer } from 'node:tls'
import { guardServer } from './tcp-server.js'
import { Watch } from './watch.js'

export interface LoggedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  /** Index of the connection it came on. */
  readonly connection: number
  readonly at: number
  /** Complete once `until` has seen `isComplete`. */
  readonly body: () => Buffer
  readonly isComplete: boolean
}

export interface LoggedHandshake {
  readonly sni: string | undefined
  readonly alpn: string | undefined
  /** `TLSv1.3` */
  readonly protocol: string | null
  readonly isResumed: boolean
  /** The subject's common name, when the client showed a certificate. */
  readonly clientCn: string | undefined
}

export interface NodeOriginOptions {
  /** With it the origin speaks HTTPS. */
  readonly tls?: { readonly chainPem: string; readonly keyPem: string } & Omit<ServerOptions, 'cert' | 'key'>
  /** Milliseconds that an idle connection is kept; default: Node's. */
  readonly keepAliveTimeout?: number
  /** The largest header of a request in plain HTTP, bytes, with any number of fields; default: Node's. */
  readonly maxHeaderSize?: number
  /** Whether it does not keep the process alive: for what all tests of a process share. */
  readonly isBackground?: true
  /** Default: {@link answer}. */
  readonly handler?: (request: IncomingMessage, response: ServerResponse) => void
}

/** An HTTP or HTTPS origin of Node's that keeps a log. */
export interface NodeOrigin {
  readonly port: number
  readonly requests: readonly LoggedRequest[]
  /** Finished handshakes, in order. */
  readonly handshakes: readonly LoggedHandshake[]
  /** Node's codes of the handshakes that failed, `ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE`. */
  readonly failures: readonly string[]
  /** TCP connections so far, and those open now. */
  readonly connections: number
  readonly openConnections: number
  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T>
  /** Has it refuse every session it has given out. */
  forgetSessions(): void
  stop(): Promise<void>
}

/**
 * What an origin answers: `/bytes/N` that many bytes, `/status/N` that status, `/echo` the request's body, `/chunked`
 * three chunks, `/hang` never; anything else a short text.
 */
export function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, what, number = ''] = (request.url ?? '').split('/')
  const count = Number.parseInt(number, 10)
  if (what === 'hang') return
  if (what === 'echo') return void request.pipe(response)
  request.resume()
  if (what === 'bytes') {
    return void response.writeHead(200, { 'Content-Length': count }).end(Buffer.alloc(count, 'x'))
  }
  if (what === 'status') return void response.writeHead(count).end()
  if (what !== 'chunked') return void response.end(`hello from ${request.headers.host}\n`)
  for (const part of ['one', 'two', 'three']) response.write(part)
  response.end()
}

export async function nodeOrigin(options: NodeOriginOptions = {}): Promise<NodeOrigin> {
  const requests: LoggedRequest[] = []
  const handshakes: LoggedHandshake[] = []
  const failures: string[] = []
  const watch = new Watch()
  /** A request's socket is not the connection's when it is encrypted; the client's port is the same. */
  const ports = new Map<number | undefined, number>()
  const { handler = answer } = options

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => watch.changed())
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      connection: ports.get(request.socket.remotePort) ?? -1,
      at: performance.now(),
      body: () => Buffer.concat(parts),
      get isComplete() {
        return request.complete
      },
    })
    watch.changed()
    handler(request, response)
  }
  const { maxHeaderSize } = options
  const plain = (): Server => createServer(maxHeaderSize === undefined ? {} : { maxHeaderSize }, onRequest)
  const server: Server = options.tls === undefined ? plain() : secure(options.tls)
  if (options.keepAliveTimeout !== undefined)
    Object.assign(server, { keepAliveTimeout: options.keepAliveTimeout })
  if (maxHeaderSize !== undefined) Object.assign(server, { maxHeadersCount: 0 })

  function secure({ chainPem, ...rest }: NonNullable<NodeOriginOptions['tls']>): Server {
    const { keyPem, ...tls } = rest
    // The server must be able to show certificates that no client should accept.
    const own = { ciphers: 'DEFAULT@SECLEVEL=0', ...tls, cert: chainPem, key: keyPem }
    return createTlsServer(own, onRequest)
      .on('secureConnection', socket => {
        handshakes.push({
          sni: typeof socket.servername === 'string' ? socket.servername : undefined,
          alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
          protocol: socket.getProtocol(),
          isResumed: socket.isSessionReused(),
          clientCn: clientCn(socket),
        })
        watch.changed()
      })
      .on('tlsClientError', (cause: NodeJS.ErrnoException) => {
        failures.push(cause.code ?? cause.name)
        watch.changed()
      })
  }

  let count = 0
  let open = 0
  server.on('connection', socket => {
    ports.set(socket.remotePort, count)
    count += 1
    open += 1
    socket.on('close', () => {
      open -= 1
      watch.changed()
    })
    watch.changed()
  })
  const guard = await guardServer(server)
  if (options.isBackground) server.unref()
  return {
    port: guard.port,
    requests,
    handshakes,
    failures,
    get connections() {
      return count
    },
    get openConnections() {
      return open
    },
    until: (probe, what, ms) =>
      watch.until(probe, () => `${what}; got ${requests.map(r => `${r.method} ${r.url}`).join(', ')}`, ms),
    forgetSessions: () => {
      if ('setTicketKeys' in server) (server as TlsServer).setTicketKeys(randomBytes(48))
    },
    stop: guard.stop,
  }
}

function clientCn(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.subject.match(/^CN=(.*)$/m)?.[1]
}
