import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/**
 * The client connections of one port that speak HTTP, and the responses each of them waits for.
 *
 * Life: serving -> draining. While draining, a connection is ended as soon as it waits for nothing.
 */
export class Clients {
  readonly #waiting = new Map<Duplex, Set<ServerResponse>>()
  #isDraining = false

  add(socket: Socket): void {
    this.#waiting.set(socket, new Set())
    socket.once('close', () => this.forget(socket))
  }

  /** A request has come; its response counts until it has been handed to the system, to the last byte. */
  enter(socket: Socket, res: ServerResponse): void {
    this.#waiting.get(socket)?.add(res)
    if (this.#isDraining) res.setHeader('Connection', 'close')
    res.once('close', () => this.#leave(socket, res))
  }

  /** Whether a request on it has not been answered yet. */
  has(socket: Duplex): boolean {
    return (this.#waiting.get(socket)?.size ?? 0) > 0
  }

  /** It no longer speaks HTTP, or is closed. */
  forget(socket: Duplex): void {
    this.#waiting.delete(socket)
  }

  drain(): void {
    this.#isDraining = true
    for (const [socket, responses] of this.#waiting) {
      if (responses.size === 0) socket.destroy()
      for (const res of responses) if (!res.headersSent) res.setHeader('Connection', 'close')
    }
  }

  destroyAll(): void {
    for (const socket of this.#waiting.keys()) socket.destroy()
  }

  #leave(socket: Socket, res: ServerResponse): void {
    const responses = this.#waiting.get(socket)
    responses?.delete(res)
    if (this.#isDraining && responses?.size === 0) socket.destroySoon()
  }
}

/** Takes no new connections, and ends when the last one has; after `grace` milliseconds those that remain are ended. */
export function closeServer(server: Server, clients: Clients, grace: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => clients.destroyAll(), grace)
    const onClosed = (): void => {
      clearTimeout(timer)
      server.close(() => resolve()) // all that is left to do for it is to stop its own timer
    }
    // Not its own close yet: that destroys connections whose response is written, but not yet with the client.
    NetServer.prototype.close.call(server, onClosed)
    clients.drain()
  })
}
