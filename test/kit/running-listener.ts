import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect, type Server } from 'node:net'
import type { Test } from 'tap'
import type { ClientPort } from '../../core/http/listener/accept.js'
import type { ListenerLimits } from '../../core/http/listener/client-host.js'
import { ClientInfo } from '../../core/http/listener/client-info.js'
import { createListener, type Listener, type ListenerOptions } from '../../core/http/listener/listener.js'
import { Forwarder } from '../../core/http/transaction/forward.js'
import { Via } from '../../core/http/transaction/outgoing.js'
import type { Summary } from '../../core/http/transaction/summary.js'
import type { ForwarderOptions, ForwarderSettings } from '../../core/http/transaction/transaction.js'
import { type ConnectorOptions, OriginConnector } from '../../core/origin/connect.js'
import { RevocationLog } from '../../core/tls/judge/revocation-log.js'
import { HTTP2_LIMITS } from './http2-client.js'
import { NO_NAMES } from './names.js'
import { CLIENT } from './quiet-points.js'
import { guardServer } from './tcp-server.js'

/** A listener with a forwarder behind it, as the proxy composes them, on a free port of the loopback. */
export interface RunningListener {
  readonly listener: Listener
  readonly port: number
  readonly connector: OriginConnector
  readonly done: Summary[]
}

export interface ListeningOptions {
  readonly limits?: Partial<ListenerLimits>
  readonly connector?: Partial<ConnectorOptions>
  readonly forwarder?: Partial<ForwarderSettings & Omit<ForwarderOptions, 'current'>>
  readonly listener?: Partial<ListenerOptions>
}

/** The clients of a test have one VConn together. */
const PORT: ClientPort = {
  accept: (tcp, socket, take) => {
    take(tcp, new ClientInfo(socket, tcp, CLIENT))
    return { abandon: () => {} }
  },
}

const HTTP1 = { maxHeadBytes: 65_536, hasPrivateLogins: true, isLenient: true }
const HTTP2 = {
  ...HTTP1,
  ...{ maxStreams: 100, window: 65_535, maxFrame: 16_384, headerTable: 4096, idleTimeout: 5000 },
  rates: HTTP2_LIMITS.rates,
}
export const POOL = { maxIdle: 100, maxIdlePerKey: 10, idleTimeout: 10_000 }

/** Https is refused unless the settings bring a `startTls`. */
export async function startListener(t: Test, settings: ListeningOptions = {}): Promise<RunningListener> {
  const connector = new OriginConnector({
    dial: () => ({ connectTimeout: 2000, names: NO_NAMES }),
    pool: () => POOL,
    http1: () => HTTP1,
    http2: () => HTTP2,
    startTls: () => Promise.reject(new Error('no TLS in this test')),
    policyDigest: () => 'test',
    revocations: new RevocationLog(),
    onFault: why => {
      throw why
    },
    ...settings.connector,
  })
  const done: Summary[] = []
  const forwarding = {
    via: new Via('portcullis-test'),
    idleTimeout: 5000,
    upgradeIdleTimeout: 5000,
    ...settings.forwarder,
  }
  const forward = new Forwarder({
    connector,
    current: () => forwarding,
    onDone: summary => done.push(summary),
    ...settings.forwarder,
  })
  const limits: ListenerLimits = {
    maxHeaderBytes: 16_384,
    headersTimeout: 5000,
    requestTimeout: 0,
    keepAliveTimeout: 5000,
    http2: HTTP2_LIMITS,
    ...settings.limits,
  }
  const listener = createListener({ forward, limits: () => limits, port: PORT, ...settings.listener })
  const { port } = await listener.listen(0, '127.0.0.1')
  t.teardown(async () => {
    await listener.close(0)
    connector.closeIdle()
  })
  return { listener, port, connector, done }
}

/** Opens a server on a free port of the loopback; the test's end closes it. */
export async function listen(t: Test, server: Server): Promise<number> {
  const { port, stop } = await guardServer(server)
  t.teardown(stop)
  return port
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly trailers: IncomingMessage['trailers']
  readonly body: string
}

export interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string
  readonly onRequest?: (req: ClientRequest) => void
  readonly agent?: import('node:http').Agent
}

/** Sends a request in absolute form to the proxy and reads the whole answer. */
export function ask(port: number, url: string, options: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, agent } = options
    const host = new URL(url).host
    const req = request({
      port,
      host: '127.0.0.1',
      path: url,
      method,
      headers: { host, ...headers },
      agent: agent ?? false,
    })
    req.on('error', reject)
    req.on('response', res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const { statusCode = 0, rawHeaders, trailers } = res
        resolve({
          status: statusCode,
          headers: res.headers,
          rawHeaders,
          trailers,
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    options.onRequest?.(req)
    req.end(body)
  })
}

/** Sends bytes as they are and reads until the other end closes, or `until` has been seen. */
export function raw(port: number, bytes: string | readonly string[], until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let seen = ''
    socket.setTimeout(5000, () => reject(new Error(`no end after ${JSON.stringify(seen.slice(0, 300))}`)))
    socket.on('error', error => (seen === '' ? reject(error) : resolve(seen)))
    socket.on('data', chunk => {
      seen += chunk.toString('latin1')
      if (until !== undefined && seen.includes(until)) socket.destroy()
    })
    socket.on('close', () => resolve(seen))
    for (const part of typeof bytes === 'string' ? [bytes] : bytes) socket.write(part, 'latin1')
  })
}
