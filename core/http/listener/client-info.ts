import type { Certificate } from '../../api/certificate.js'
import type { VConn } from '../../api/vconn.js'
import type { Current } from '../../base/current.js'
import { Deadline } from '../../base/deadline.js'
import { atEdge } from '../../base/edge.js'
import { networkOfAddress } from '../../base/network.js'
import { ConnectionOwner } from '../../origin/connection-login.js'
import { type ClientLink, LINGER } from '../../vconn/link.js'

/** The parts of a socket that are used here. */
export interface ClientSocket {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Bytes that wait for the operating system. */
  readonly writableLength?: number
  once(event: 'close', listener: () => void): unknown
}

/** One connection of a client, as its requests see it. */
export class ClientInfo {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** The VConn of the TCP connection: plugins see one, whatever protocols follow one another on it. */
  readonly vconn: VConn | undefined
  /** Deadlines of the present transaction: since the last byte, and for all of it. */
  readonly idle = new Deadline()
  readonly active = new Deadline()
  /** The origin of requests in origin-form, such as `https://example.com`; undefined where the proxy itself answers them. */
  readonly origin: string | undefined
  /** What it has shown to an `ssl` port. */
  readonly certificate: Certificate | undefined
  /** Called when the origin connection of a login has ended. */
  onLoginLost: () => void = () => {}
  readonly #socket: ClientSocket
  readonly #link: ClientLink
  #network: string | undefined
  #owner: ConnectionOwner | undefined
  #ownerUser: string | undefined
  /** The name with which the proxy admitted the CONNECT on this connection. */
  user: string | undefined
  #hasLostLogin = false
  #hasLeft = false

  /** @param link carries its requests */
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

  /** Identifies the client wherever clients share something. */
  get network(): string {
    this.#network ??= networkOfAddress(this.remoteAddress ?? '')
    return this.#network
  }

  /** Bytes sent to the client so far. */
  get bytesWritten(): number {
    return this.#link.bytesWritten
  }

  /** Whether bytes for the client wait here, in TLS or in the socket. */
  get isSending(): boolean {
    return this.#link.isHolding || (this.#socket.writableLength ?? 0) > 0
  }

  /** The same client inside its bumped tunnel, whose requests come on another link. */
  inside(link: ClientLink, origin: string | undefined): ClientInfo {
    const { user, certificate } = this
    return Object.assign(new ClientInfo(this.#socket, link, this.vconn, { origin, certificate }), { user })
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
    if (this.#owner === undefined || this.#ownerUser !== user) {
      this.#owner?.end()
      this.#owner = new ConnectionOwner(this.#loseLogin)
      this.#ownerUser = user
      if (this.#hasLeft) this.#owner.end()
    }
    return this.#owner
  }

  /** Whether a login was lost. No further request is read then: the client connects again, and logs in again. */
  get hasLostLogin(): boolean {
    return this.#hasLostLogin
  }

  readonly #loseLogin = (): void => {
    if (this.#hasLostLogin) return
    this.#hasLostLogin = true
    this.onLoginLost()
  }

  /** No further request comes from the client. */
  leave(): void {
    this.#hasLeft = true
    this.#owner?.end()
    this.stopClocks()
  }

  /** Stops both deadlines: no transaction is in flight, and none follows. */
  stopClocks(): void {
    this.idle.stop()
    this.active.stop()
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#link.destroy()
  }

  /**
   * Ends the connection after its last response. Bytes that the client still sends are read and dropped: closing would
   * reset the connection before the client has the response. A slow client gets time to read.
   * @param limit milliseconds for the bytes that wait here; with 0 the rest is cut at the first look
   * @param isOpenEnded an orderly end would mark the response as complete
   */
  end(limit: number, isOpenEnded: boolean): void {
    const link = this.#link
    let left = limit
    const timer = setInterval(() => {
      left -= LINGER
      if (!this.isSending) link.destroy()
      else if (left > 0) return
      else if (isOpenEnded) link.reset()
      else link.destroy()
    }, LINGER)
    link.attach({
      copiesData: true,
      onData: () => {},
      onDrain: () => {},
      onEnd: () => {
        if (!this.isSending) link.destroy()
      },
      onClose: () => clearInterval(timer),
    })
    link.resume()
    link.end()
  }
}

export interface TimeLimits {
  /** Milliseconds without a byte after which a transaction fails. A parked handshake has a deadline of its own. */
  readonly idleTimeout: number
  /** The same while the client is expected to send or to read; default `idleTimeout`. */
  readonly clientIdleTimeout?: number
  /** Milliseconds for a request and its response together; 0 or absent for no limit. */
  readonly activeTimeout?: number
}

/** A transaction with deadlines. */
export interface TimedOwner {
  /** Whether the client is expected to send or to read, and not the origin. */
  readonly waitsForClient: boolean
  /** No byte has moved for this many milliseconds, although one was expected. */
  onIdle(limit: number): void
  /** The transaction has taken longer than this many milliseconds. */
  onTooLong(limit: number): void
  fail(cause: unknown): void
}

/**
 * The two deadlines of a transaction. They are timers of the client's connection, which its transactions use one after
 * another: a transaction makes no timer.
 *
 * Life: running, with pauses of the idle time -> over. Then the timers belong to the next transaction.
 */
export class TransactionTime {
  readonly #client: ClientInfo
  readonly #current: Current<TimeLimits>
  readonly #owner: TimedOwner
  /** 0 while no byte is expected. */
  #idleLimit = 0
  /** Known from `begin` on. */
  #activeLimit = 0
  #isOver = false

  constructor(client: ClientInfo, current: Current<TimeLimits>, owner: TimedOwner) {
    this.#client = client
    this.#current = current
    this.#owner = owner
  }

  /** Starts the time for the whole transaction. Its owner must be ready to fail. */
  begin(): void {
    this.#activeLimit = this.#current().activeTimeout ?? 0
    if (this.#activeLimit > 0) this.#client.active.set(this.#activeLimit, this.#onTooLong)
  }

  /** Bytes are expected from now on. */
  start(): void {
    if (this.#isOver) return
    this.#setIdle()
  }

  readonly moved = (): void => {
    if (this.#idleLimit > 0) this.#setIdle()
  }

  #setIdle(): void {
    const { idleTimeout, clientIdleTimeout = idleTimeout } = this.#current()
    this.#idleLimit = this.#owner.waitsForClient ? clientIdleTimeout : idleTimeout
    this.#client.idle.set(this.#idleLimit, this.#onIdle)
  }

  /** No bytes are expected until `start`. */
  stop(): void {
    if (this.#isOver) return
    this.#idleLimit = 0
    this.#client.idle.set(0)
  }

  /** The client's next request may already be in flight: it begins within the end of the reply. */
  over(): void {
    this.#isOver = true
    this.#idleLimit = 0
    this.#client.idle.clear(this.#onIdle)
    this.#client.active.clear(this.#onTooLong)
  }

  readonly #fail = (why: unknown): void => this.#owner.fail(why)
  readonly #onIdle = (): void => atEdge('a time limit', () => this.#owner.onIdle(this.#idleLimit), this.#fail)
  readonly #onTooLong = (): void =>
    atEdge('a time limit', () => this.#owner.onTooLong(this.#activeLimit), this.#fail)
}
