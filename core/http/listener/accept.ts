import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { ProxyError } from '../../base/errors.js'
import { codeOf } from '../../base/thrown.js'
import type { ClientLink } from '../../vconn/link.js'
import type { OriginLink } from '../../vconn/origin-link.js'
import { TcpLink } from '../../vconn/tcp-link.js'
import { type AnnouncedOptions, acceptAnnounced } from './announced-client.js'
import { ClientInfo, type ClientSocket } from './client-info.js'

/** Hands a connection on, to have its requests read. */
export type Take = (link: ClientLink, client: ClientInfo) => void

/** What is done with a client before its first request is read. */
export interface ClientPort {
  /**
   * Lets a client in, or closes the connection, which is its own until then: it may be parked, or make a TLS handshake.
   * @param take called once, when it is in
   * @returns what ends the wait
   */
  readonly accept: (tcp: AcceptedLink, socket: ClientSocket, take: Take) => { abandon(): void }
}

/** A client's connection before its first byte is read. */
export type AcceptedLink = ClientLink & Pick<OriginLink, 'watch' | 'whenClosed'>

/** A listener, not yet open, that hands on clients that have been let in. */
export interface Acceptor {
  readonly server: Server
  /** Ends those that have not been let in yet. */
  readonly abandon: () => void
  /** Ends every connection. A connection with unsent bytes is reset, so that its response cannot look complete. */
  readonly destroyAll: () => void
}

/** A port that admits every client at once. */
const OPEN_PORT: ClientPort = {
  accept: (tcp, socket, take) => {
    take(tcp, new ClientInfo(socket, tcp, undefined))
    return { abandon: () => {} }
  },
}

export interface AcceptOptions {
  /** What comes before the first request; without it nothing does. */
  readonly port?: ClientPort
  /** Where the connections come from relays that announce their clients. */
  readonly announced?: AnnouncedOptions
  /** Asked about each connection; one that is not welcome has been closed. */
  readonly isWelcome?: (socket: Socket) => boolean
  /** Called for each connection that is welcome. */
  readonly onAccepted?: () => void
}

export function acceptClients(
  { port = OPEN_PORT, announced, isWelcome = () => true, onAccepted }: AcceptOptions,
  take: Take,
): Acceptor {
  const waiting = new Set<{ abandon(): void }>()
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, socket => {
    if (announced === undefined && !isWelcome(socket)) return
    onAccepted?.()
    sockets.add(socket)
    let wait: { abandon(): void } | undefined
    let isIn = false
    const end = (): void => {
      isIn = true
      if (wait !== undefined) waiting.delete(wait)
    }
    const tcp = new TcpLink(socket, 'client')
    const enter: Take = (link, client) => {
      end()
      take(link, client)
    }
    wait =
      announced === undefined
        ? port.accept(tcp, socket, enter)
        : acceptAnnounced(tcp, socket, enter, port.accept, announced)
    if (!isIn) waiting.add(wait)
    socket.once('close', () => {
      end()
      sockets.delete(socket)
    })
  })
  return {
    server,
    abandon: () => {
      for (const wait of waiting) wait.abandon()
    },
    destroyAll: () => {
      for (const socket of sockets) {
        if (socket.writableLength > 0) socket.resetAndDestroy()
        else socket.destroy()
      }
    },
  }
}

/** Connections that wait to be accepted: as many as the system allows (`net.core.somaxconn`), which takes less than asked for. */
const BACKLOG = 65_535

/**
 * Opens a port. An IPv6 address never serves IPv4 as well, so that `8080 8080:ipv6` are two ports.
 * @throws {ProxyError} PTC_PORT_UNAVAILABLE
 */
export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      const text = `cannot listen on ${host}:${port} (${codeOf(cause)})`
      reject(new ProxyError('PTC_PORT_UNAVAILABLE', text, { cause }))
    }
    server.once('error', onError)
    server.listen({ port, host, backlog: BACKLOG, ipv6Only: host.includes(':') }, () => {
      server.removeListener('error', onError)
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new ProxyError('PTC_INTERNAL', 'no TCP port'))
      else resolve(address)
    })
  })
}
