/** A parent proxy for tests, that keeps what it was asked and may refuse, hang or close. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { type Connecting, type ConnectingOptions, startConnecting } from './connecting.js'
import { guardServer } from './tcp-server.js'

export interface ParentOptions {
  /** The value of Proxy-Authorization that it wants; others get 407. */
  readonly wants?: string
  /** What it answers to everything. */
  readonly status?: number
  /** Closes a connection as soon as it is asked something. */
  readonly closes?: boolean
  /** Never answers. */
  readonly hangs?: boolean
  /** Where names lead, beside what the system says. */
  readonly hosts?: Readonly<Record<string, string>>
  /** Makes it an https proxy. */
  readonly tls?: { readonly certPem: string; readonly keyPem: string }
  /** What it sends right behind its 200, in the same segment. */
  readonly behind?: string
}

export interface ParentProxy {
  readonly port: number
  /** Request lines, in order. */
  readonly asked: string[]
  readonly headers: IncomingMessage['headers'][]
  connections: number
  options: ParentOptions
  readonly stop: () => Promise<void>
}

export async function parentProxy(options: ParentOptions = {}): Promise<ParentProxy> {
  const asked: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const server: Server =
    options.tls === undefined
      ? createServer()
      : createSecureServer({ cert: options.tls.certPem, key: options.tls.keyPem })
  const { port, own, stop } = await guardServer(server)
  const parent: ParentProxy = { port, asked, headers, connections: 0, options, stop }
  const addressOf = (host: string): string => parent.options.hosts?.[host] ?? host.replace(/^\[(.*)\]$/, '$1')
  /** Why it does not serve; undefined if it does. */
  const refusal = (req: IncomingMessage): number | undefined => {
    const { wants, status } = parent.options
    if (wants !== undefined && req.headers['proxy-authorization'] !== wants) return 407
    return status
  }
  server.on('connection', () => {
    parent.connections += 1
  })
  server.on('connect', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    asked.push(`CONNECT ${req.url}`)
    headers.push(req.headers)
    socket.on('error', () => {}) // of an https proxy: the decrypted one
    if (parent.options.closes) return void socket.destroy()
    if (parent.options.hangs) return
    const status = refusal(req)
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
    const [, host = '', originPort = ''] = /^(.*):(\d+)$/.exec(req.url ?? '') ?? []
    const origin = connect({ host: addressOf(host), port: Number(originPort), allowHalfOpen: true })
    own(origin)
    origin.on('error', () => socket.destroy())
    origin.on('connect', () => {
      socket.write(`HTTP/1.1 200 OK\r\nX-Parent: yes\r\n\r\n${parent.options.behind ?? ''}`)
      if (head.length > 0) origin.write(head)
      socket.pipe(origin)
      origin.pipe(socket)
    })
  })
  server.on('request', (req: IncomingMessage, res) => {
    asked.push(`${req.method} ${req.url}`)
    headers.push(req.headers)
    if (parent.options.closes) return void req.socket.destroy()
    if (parent.options.hangs) return
    const status = refusal(req)
    if (status !== undefined) return void res.writeHead(status, { 'Content-Length': 0 }).end()
    const body: Buffer[] = []
    req.on('data', (bytes: Buffer) => body.push(bytes))
    req.on('end', () =>
      res.end(`parent answered ${req.url} for ${req.headers.host}, ${Buffer.concat(body).length} bytes`),
    )
  })
  return parent
}

/** A proxy behind a parent that is an HTTP proxy. */
export const HOST = 'www.origin.test'
const HERE = { hosts: { [HOST]: '127.0.0.1', 'other.test': '127.0.0.1' } }

/** A parent that knows the addresses of the origins' names. */
export async function startParent(t: Test, options: ParentOptions = {}): Promise<ParentProxy> {
  const parent = await parentProxy({ ...HERE, ...options })
  t.teardown(parent.stop)
  return parent
}

/**
 * A proxy that knows no address of the origins' names.
 * @param lines of parent.config
 */
export const startBehind = (
  t: Test,
  lines: string,
  options: Partial<ConnectingOptions> = {},
): Promise<Connecting> =>
  startConnecting(t, { hosts: [], ...options, files: { 'parent.config': lines, ...options.files } })

/** The line of parent.config by which everything goes through this parent. */
export const all = ({ port }: ParentProxy, more = 'go_direct=false'): string =>
  `dest_domain=. parent="127.0.0.1:${port}" ${more}\n`
