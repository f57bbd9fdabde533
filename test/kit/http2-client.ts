/** Node's own HTTP/2 client, on a socket of an `ssl` port or inside a CONNECT. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Http2Limits } from '../../core/http2/session.js'

export const HTTP2_LIMITS: Http2Limits = {
  maxStreams: 100,
  window: 65_535,
  maxFrame: 16_384,
  headerTable: 4096,
  maxHeaderBytes: 16_384,
  idleTimeout: 5000,
  headTimeout: 5000,
  rates: { settings: 14, ping: 60, priority: 120, rstStream: 200, continuation: 120, empty: 60 },
}

export interface Http2Answer {
  /** 0 where no head came. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly interim: readonly IncomingHttpHeaders[]
  readonly body: Buffer
  readonly trailers: IncomingHttpHeaders | undefined
  /** With which the stream was closed. */
  readonly code: number
}

/**
 * The answer on a stream, one turn of the event loop after the stream was closed. Node 20 calls listeners of `close` from
 * within nghttp2's own: if one resets another stream of the connection there, Node sends empty frames without an end for a
 * stream whose request had not ended. The proxy's own sessions read from a stream of ours, and are called in a later turn.
 */
export function answerOn(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise(resolve => {
    let headers: IncomingHttpHeaders & { ':status'?: number | undefined } = {}
    let trailers: IncomingHttpHeaders | undefined
    const interim: IncomingHttpHeaders[] = []
    const chunks: Buffer[] = []
    stream.on('headers', found => interim.push(found))
    stream.on('response', found => {
      headers = found
    })
    stream.on('trailers', found => {
      trailers = found
    })
    stream.on('data', (bytes: Buffer) => chunks.push(bytes))
    stream.on('error', () => {})
    const onClose = (): void => {
      const { ':status': status = 0 } = headers
      resolve({
        ...{ status, headers, interim, trailers },
        body: Buffer.concat(chunks),
        code: stream.rstCode ?? 0,
      })
    }
    stream.on('close', () => setImmediate(onClose))
  })
}

export class Http2Client {
  readonly session: ClientHttp2Session

  constructor(socket: Duplex, options: SecureClientSessionOptions = {}) {
    this.session = connect('https://unused.example', { ...options, createConnection: () => socket })
    this.session.on('error', () => {})
  }

  readonly stop = (): void => this.session.destroy()

  /** A request whose body is complete. */
  ask(headers: OutgoingHttpHeaders, body?: Uint8Array | string): Promise<Http2Answer> {
    const stream = this.session.request(headers, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    return answerOn(stream)
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return new Promise(resolve =>
      this.session.closed && this.session.destroyed ? resolve() : this.session.once('close', () => resolve()),
    )
  }
}

/** A socket that has its tunnel. */
export function tunnelSocket(port: number, target: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1', () => {
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    })
    socket.once('error', reject)
    let head = ''
    const onData = (bytes: Buffer): void => {
      head += bytes.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      socket.removeListener('data', onData)
      socket.pause()
      if (/^HTTP\/1\.1 200 /.test(head)) resolve(socket)
      else reject(new Error(head))
    }
    socket.on('data', onData)
  })
}

export interface SecureHttp2Options {
  readonly ca: string
  readonly servername: string
  readonly alpn?: readonly string[]
  /** The client's certificate and key, PEM. */
  readonly cert?: string
  readonly key?: string
}

/**
 * TLS that has negotiated a protocol, which may be another one.
 * @param over a port, or a socket that has its tunnel
 */
export function tlsSocket(
  over: number | Socket,
  { alpn = ['h2', 'http/1.1'], ...options }: SecureHttp2Options,
) {
  const at = typeof over === 'number' ? { host: '127.0.0.1', port: over } : { socket: over }
  const socket = connectTls({ ...at, ...options, ALPNProtocols: [...alpn] })
  return new Promise<typeof socket>((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
}
