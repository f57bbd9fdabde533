import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** A TCP server on a free port of 127.0.0.1. Its end ends all its sockets. */
export interface TcpServer {
  readonly port: number
  /** Also ends this socket with the server. */
  own(socket: Socket): void
  stop(): Promise<void>
}

const FREE_PORT = { host: '127.0.0.1', port: 0 }

/** Half-open sockets are allowed: the test ends them. The close of a socket follows its error. */
export async function listen(
  onConnection: (socket: Socket) => void,
  at: { readonly host: string; readonly port: number } = FREE_PORT,
): Promise<TcpServer> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const guard = await guardServer(server, at)
  server.on('connection', onConnection)
  return guard
}

/** Starts a server and tracks its sockets, so that none of them delays its stop. */
export async function guardServer(server: Server, at = FREE_PORT): Promise<TcpServer> {
  const sockets = new Set<Socket>()
  const own = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  }
  server.on('connection', own)
  server.listen(at)
  await once(server, 'listening')
  let closed: Promise<void> | undefined
  return {
    port: (server.address() as AddressInfo).port,
    own,
    stop: async () => {
      closed ??= new Promise(resolve => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Below the ports that systems give to connections: none of these takes a free port before its server has it. */
const SERVER_PORTS = { from: 12_000, to: 32_000 }
const given = new Set<number>()

/** A port of `host` on which nothing listens, and which this process has not had before. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(SERVER_PORTS.from, SERVER_PORTS.to)
    if (given.has(port)) continue
    given.add(port)
    try {
      await (await listen(socket => socket.destroy(), { host, port })).stop()
      return port
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    }
  }
}

/** A web service for plugins that ask one. @returns its URL */
export async function startService(
  t: { teardown(fn: () => Promise<void>): void },
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const { port, stop } = await guardServer(createHttpServer(answer))
  t.teardown(stop)
  return `http://127.0.0.1:${port}/check`
}
