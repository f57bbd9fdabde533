/** A parent proxy for tests, that keeps what it was asked and may refuse, hang or close. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'

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
  readonly sockets: Set<Socket>
  readonly stop: () => Promise<void>
}

export async function parentProxy(options: ParentOptions = {}): Promise<ParentProxy> {
  const asked: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const sockets = new Set<Socket>()
  const server: Server =
    options.tls === undefined
      ? createServer()
      : createSecureServer({ cert: options.tls.certPem, key: options.tls.keyPem })
  const parent: ParentProxy = {
    port: 0,
    asked,
    headers,
    connections: 0,
    options,
    sockets,
    stop: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
  const addressOf = (host: string): string => parent.options.hosts?.[host] ?? host.replace(/^\[(.*)\]$/, '$1')
  /** Why it does not serve; undefined if it does. */
  const refusal = (req: IncomingMessage): number | undefined => {
    const { wants, status } = parent.options
    if (wants !== undefined && req.headers['proxy-authorization'] !== wants) return 407
    return status
  }
  server.on('connection', (socket: Socket) => {
    parent.connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('connect', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    asked.push(`CONNECT ${req.url}`)
    headers.push(req.headers)
    socket.on('error', () => {})
    if (parent.options.closes) return void socket.destroy()
    if (parent.options.hangs) return
    const status = refusal(req)
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(req.url ?? '') ?? []
    const origin = connect({ host: addressOf(host), port: Number(port), allowHalfOpen: true })
    sockets.add(origin)
    origin.once('close', () => sockets.delete(origin))
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
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(parent, { port: (server.address() as AddressInfo).port })
}
