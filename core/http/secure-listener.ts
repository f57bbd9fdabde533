import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** What lies between a client's connection and HTTP: plugins that are asked about it, and TLS. */
export interface SecurePort {
  /**
   * Takes a socket, which is its own from here on, and hands on what comes out of it, perhaps from within this call.
   * Does so, or closes the socket.
   */
  readonly accept: (socket: Socket, take: (secured: Duplex) => void) => { abandon(): void }
}

/** A listener, not yet open, that hands on what has finished its handshake. */
export interface SecureListener {
  readonly server: Server
  /** Ends the handshakes under way. */
  readonly endHandshakes: () => void
  /** Ends every connection. */
  readonly destroyAll: () => void
}

export function secureListener(
  port: SecurePort,
  isWelcome: (socket: Socket) => boolean,
  take: (secured: Duplex) => void,
): SecureListener {
  const handshakes = new Set<ReturnType<SecurePort['accept']>>()
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, socket => {
    if (!isWelcome(socket)) return
    sockets.add(socket)
    let hasTaken = false
    let end = (): void => {
      hasTaken = true
    }
    const handshake = port.accept(socket, secured => {
      end()
      take(secured)
    })
    if (!hasTaken) handshakes.add(handshake)
    end = () => void handshakes.delete(handshake)
    socket.once('close', () => {
      end()
      sockets.delete(socket)
    })
  })
  return {
    server,
    endHandshakes: () => {
      for (const handshake of handshakes) handshake.abandon()
    },
    destroyAll: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}
