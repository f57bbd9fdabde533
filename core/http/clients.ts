import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ProxyError } from '../base/errors.js'

/** So many requests may be read ahead of the one that is being served; then the client is not read on. */
const MAX_AHEAD = 16

/** A request that has not been answered to the last byte. */
interface Unanswered {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly serve: () => void
}

/** One connection. Its requests are in the order in which they came: the first is being served, the others wait. */
interface Client {
  readonly requests: Unanswered[]
  /** Nothing more can be read from it: what is to be done once all is answered. */
  onAnswered: (() => void) | undefined
}

/**
 * The client connections of one port that speak HTTP, and the requests on each that have not been answered.
 *
 * Requests of one connection are served one after another (RFC 9112 section 9.3.2), each when the response before it has
 * been handed to the system to the last byte: a client that sends many ahead is given one connection to an origin.
 *
 * Life: serving -> draining. While draining, a connection is ended as soon as it waits for nothing.
 */
export class Clients {
  readonly #clients = new Map<Duplex, Client>()
  #isDraining = false

  add(socket: Socket): void {
    this.#clients.set(socket, { requests: [], onAnswered: undefined })
    socket.once('close', () => this.forget(socket))
  }

  /** A request has come: it is served at once, or when its turn comes. A client that has left by then is not served. */
  enter(socket: Socket, req: IncomingMessage, res: ServerResponse, serve: () => void): void {
    const client = this.#clients.get(socket)
    // Not writable: the last response has been sent, and what comes behind it is no request any more.
    if (client === undefined || !socket.writable) return
    const { requests } = client
    requests.push({ req, res, serve })
    if (this.#isDraining) res.setHeader('Connection', 'close')
    res.once('close', () => this.#leave(socket, client, res))
    if (requests.length === 1) serve()
    else if (requests.length > MAX_AHEAD) socket.pause()
  }

  /** Whether a request on it has not been answered yet. */
  has(socket: Duplex): boolean {
    return (this.#clients.get(socket)?.requests.length ?? 0) > 0
  }

  /** It no longer speaks HTTP, or is closed. */
  forget(socket: Duplex): void {
    this.#clients.delete(socket)
  }

  /**
   * What a client sends can no longer be told apart into requests. If it happened in the body of the one that is being
   * served, that one fails; otherwise those before are answered first.
   * @param refuse tells the client, when it waits for nothing else
   */
  breakOff(socket: Duplex, error: ProxyError, refuse: () => void): void {
    const client = this.#clients.get(socket)
    if (client === undefined) return void socket.destroy()
    if (client.onAnswered !== undefined) return
    const [current, ...waiting] = client.requests
    client.onAnswered = refuse
    if (current === undefined) refuse()
    else if (current.req.complete) client.requests.splice(1, waiting.length, ...waiting.filter(isComplete))
    else if (current.res.listenerCount('error') > 0) current.res.emit('error', error)
    else socket.destroy()
  }

  drain(): void {
    this.#isDraining = true
    for (const [socket, { requests }] of this.#clients) {
      if (requests.length === 0) socket.destroy()
      for (const { res } of requests) if (!res.headersSent) res.setHeader('Connection', 'close')
    }
  }

  destroyAll(): void {
    for (const socket of this.#clients.keys()) socket.destroy()
  }

  #leave(socket: Socket, client: Client, res: ServerResponse): void {
    const { requests } = client
    const index = requests.findIndex(request => request.res === res)
    if (index !== -1) requests.splice(index, 1)
    // Not writable: the response that has just been sent was the last one.
    if (index !== 0 || !socket.writable) return
    if (requests.length === MAX_AHEAD) socket.resume()
    const next = requests[0]
    if (next !== undefined) next.serve()
    else if (client.onAnswered !== undefined) client.onAnswered()
    else if (this.#isDraining) socket.destroySoon()
  }
}

const isComplete = ({ req }: Unanswered): boolean => req.complete

/** Takes no new connections, and ends when the last one has; after `grace` milliseconds those that remain are ended. */
export function closeServer(
  listener: NetServer,
  server: Server,
  clients: Clients,
  grace: number,
): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => clients.destroyAll(), grace)
    const onClosed = (): void => {
      clearTimeout(timer)
      server.close(() => resolve()) // all that is left to do for it is to stop its own timer
    }
    // Not its own close yet: that destroys connections whose response is written, but not yet with the client.
    NetServer.prototype.close.call(listener, onClosed)
    clients.drain()
  })
}
