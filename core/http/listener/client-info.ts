import type { Certificate } from '../../api/certificate.js'
import type { VConn } from '../../api/vconn.js'
import { Deadline } from '../../base/deadline.js'
import { networkOfAddress } from '../../base/network.js'
import { ConnectionOwner } from '../../origin/connection-owner.js'
import type { ClientLink } from '../../vconn/link.js'

/** A TCP connection, as far as it is asked here; a socket is one. */
export interface ClientSocket {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Bytes that the system has not taken yet. */
  readonly writableLength?: number
  once(event: 'close', listener: () => void): unknown
}

/** One connection of a client, for whoever has to do with its requests. */
export class ClientInfo {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** As plugins know it: one for each TCP connection, however many protocols follow one another on it. */
  readonly vconn: VConn | undefined
  /** For the transaction that goes on: how long nothing has moved, and how long it may take in all. */
  readonly idle = new Deadline()
  readonly active = new Deadline()
  /** What requests in origin-form are for, such as `https://example.com`; undefined where they are for the proxy. */
  readonly origin: string | undefined
  /** What it has shown to an `ssl` port. */
  readonly certificate: Certificate | undefined
  /** Called when the origin connection of a login has ended. */
  onLoginLost: () => void = () => {}
  readonly #socket: ClientSocket
  readonly #link: ClientLink
  #network: string | undefined
  #owner: ConnectionOwner | undefined
  #user: string | undefined
  #hasLostLogin = false
  #hasLeft = false

  /** @param link what its requests come on */
  constructor(
    socket: ClientSocket,
    link: ClientLink,
    vconn: VConn | undefined,
    { origin, certificate }: Partial<Pick<ClientInfo, 'origin' | 'certificate'>> = {},
  ) {
    this.remoteAddress = socket.remoteAddress
    this.remotePort = socket.remotePort
    this.localAddress = socket.localAddress
    this.localPort = socket.localPort
    this.vconn = vconn
    this.origin = origin
    this.certificate = certificate
    this.#socket = socket
    this.#link = link
  }

  /** What stands for it wherever clients share something. */
  get network(): string {
    this.#network ??= networkOfAddress(this.remoteAddress ?? '')
    return this.#network
  }

  /** Sent to the client so far. */
  get bytesWritten(): number {
    return this.#link.bytesWritten
  }

  /** Whether bytes wait here for the client, TLS or not. */
  get isSending(): boolean {
    return this.#link.isHolding || (this.#socket.writableLength ?? 0) > 0
  }

  /** The same client, whose requests come on another link now: inside what it was bumped to. */
  inside(link: ClientLink, origin: string | undefined): ClientInfo {
    return new ClientInfo(this.#socket, link, this.vconn, { origin, certificate: this.certificate })
  }

  /** Calls `listener` when its TCP connection has ended. */
  whenClosed(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  /**
   * The owner of the origin connections on which this client logs in.
   * @param user the proxy's name for the client; origin connections of another user are closed
   */
  ownerFor(user: string | undefined): ConnectionOwner {
    if (this.#owner === undefined || this.#user !== user) {
      this.#owner?.end()
      this.#owner = new ConnectionOwner(this.#loseLogin)
      this.#user = user
      if (this.#hasLeft) this.#owner.end()
    }
    return this.#owner
  }

  /** Whether a login was lost. No further request is read then, so that the client connects and logs in anew. */
  get hasLostLogin(): boolean {
    return this.#hasLostLogin
  }

  readonly #loseLogin = (): void => {
    if (this.#hasLostLogin) return
    this.#hasLostLogin = true
    this.onLoginLost()
  }

  /** No request comes from it any more. */
  leave(): void {
    this.#hasLeft = true
    this.#owner?.end()
    this.stopClocks()
  }

  /** No transaction goes on, and none will. */
  stopClocks(): void {
    this.idle.stop()
    this.active.stop()
  }

  /** Closes it at once. */
  destroy(): void {
    this.#link.destroy()
  }
}
