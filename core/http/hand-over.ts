import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'

const lookedAfter = new WeakSet<Server>()

/**
 * Has a server that does not listen serve a connection that somebody else has accepted. Node begins to look for requests
 * that take too long when a server says that it listens.
 */
export function handOver(server: Server, socket: Duplex): void {
  if (!lookedAfter.has(server)) server.emit('listening')
  lookedAfter.add(server)
  server.emit('connection', socket)
}
