import { createServer, type Server, type Socket } from 'node:net'
import type { SecureContext, TLSSocket } from 'node:tls'
import { acceptTls } from '../tls/server-side.js'

/** TLS with the clients of a port. What depends on the configuration is asked for anew with every connection. */
export interface SecurePort {
  /** What a client is shown. */
  readonly contextFor: (sni: string | undefined, localAddress: string) => SecureContext
  /** Milliseconds for a handshake. */
  readonly handshakeTimeout: () => number
  /** Hears of clients that did not finish their handshake. */
  readonly onFailed?: (clientAddress: string, cause: unknown) => void
}

/** A listener, not yet open, that hands on what has finished its handshake. Its close ends the handshakes under way. */
export function secureListener(
  port: SecurePort,
  isWelcome: (socket: Socket) => boolean,
  take: (secured: TLSSocket) => void,
): { readonly server: Server; readonly endHandshakes: () => void } {
  const shaking = new Set<Socket>()
  const server = createServer({ noDelay: true, pauseOnConnect: true }, socket => {
    if (!isWelcome(socket)) return
    socket.on('error', ignore) // its close follows
    shaking.add(socket)
    const { localAddress = '', remoteAddress = '' } = socket
    const choose = (sni?: string): SecureContext => port.contextFor(sni, localAddress)
    acceptTls(socket, choose, port.handshakeTimeout())
      .then(take)
      .catch((cause: unknown) => {
        socket.destroy()
        port.onFailed?.(remoteAddress, cause)
      })
      .finally(() => shaking.delete(socket))
  })
  return {
    server,
    endHandshakes: () => {
      for (const socket of shaking) socket.destroy()
    },
  }
}

const ignore = (): void => {}
