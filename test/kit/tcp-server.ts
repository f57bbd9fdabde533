import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** A TCP server on a free port of 127.0.0.1, whose sockets all end with it. */
export interface TcpServer {
  readonly port: number
  /** Ends this socket with the server, too. */
  own(socket: Socket): void
  stop(): Promise<void>
}

/** Half-open sockets are allowed: whoever uses them ends them. An error on one of them is followed by its close. */
export async function listen(onConnection: (socket: Socket) => void): Promise<TcpServer> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const guard = await guardServer(server)
  server.on('connection', onConnection)
  return guard
}

/** Lets a server listen, and keeps hold of its sockets so that stopping cannot hang on one of them. */
export async function guardServer(server: Server): Promise<TcpServer> {
  const sockets = new Set<Socket>()
  const own = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  }
  server.on('connection', own)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let closed: Promise<unknown> | undefined
  return {
    port: (server.address() as AddressInfo).port,
    own,
    stop: async () => {
      closed ??= once(server.close(), 'close')
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** A port of 127.0.0.1 on which nothing listens at the moment. Another program may take it: be ready to try again. */
export async function freePort(): Promise<number> {
  const server = await listen(socket => socket.destroy())
  await server.stop()
  return server.port
}
