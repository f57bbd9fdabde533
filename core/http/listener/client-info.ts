import type { VConn } from '../../api/vconn.js'
import { Deadline } from '../../base/deadline.js'
import { networkOfAddress } from '../../base/network.js'
import { every } from '../../base/timer.js'
import { ConnectionOwner } from '../../origin/connection-login.js'
import type { ClientKind } from '../../settings/inbound-tls.js'
import type { ShownCertificate } from '../../tls/inbound/shown-certificate.js'
import { LINGER, Linger } from '../../vconn/linger.js'
import type { ClientLink } from '../../vconn/link.js'
import type { Announced, ClientEnds } from '../../vconn/proxy-protocol.js'
import type { Endpoints } from '../../vconn/vconn.js'
import type { Identity } from './identity.js'

/** The parts of a socket that are used here. */
export interface ClientSocket {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** What a relay has announced of the client. */
  readonly announced?: Announced
  /** Bytes that wait for the operating system. */
  readonly writableLength?: number
  once(event: 'close', listener: () => void): unknown
}

/** Deadlines of one transaction at a time: since the last byte, and for all of it. */
export interface Clocks {
  readonly idle: Deadline
  readonly active: Deadline
}

/** A client's certificate, and the terms of its check. */
export interface ClientCertificate extends ShownCertificate {
  /** The digest of the authorities that verified it. */
  readonly trust: string | undefined
}

/** A TLS handshake with the proxy. */
export interface ClientHandshake {
  readonly kind: ClientKind
  /** The certificate that the client has shown. */
  readonly shown: ClientCertificate | undefined
}

type ClientDetails = Partial<Pick<ClientInfo, 'origin' | 'handshakes' | 'protocol'>>

/** One connection of a client, as its requests see it. */
export class ClientInfo implements Clocks {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** What a relay has announced of it by the PROXY protocol. */
  readonly announced: Announced | undefined
  /** The VConn of the TCP connection: plugins see one, whatever protocols follow one another on it. */
  readonly vconn: VConn | undefined
  /** The deadlines of the present transaction, on a connection with one at a time. */
  readonly idle = new Deadline({ onFault: () => this.destroy() })
  readonly active = new Deadline({ onFault: () => this.destroy() })
  /** The origin of requests in origin-form, such as `https://example.com`; undefined where the proxy itself answers them. */
  readonly origin: string | undefined
  /** Those of its connection, the outer one first. */
  readonly handshakes: readonly ClientHandshake[]
  /** The protocol that TLS has negotiated; undefined where that was not asked for. */
  readonly protocol: string | undefined
  /** Called when the origin connection of a login has ended. */
  onLoginLost: () => void = () => {}
  readonly #socket: ClientSocket
  readonly #link: ClientLink
  #network: string | undefined
  #owner: ConnectionOwner | undefined
  #ownerKey: string | undefined
  /** The identity under which the proxy admitted the CONNECT on this connection. */
  identity: Identity | undefined
  #hasLostLogin = false
  #hasLeft = false

  /** @param link carries its requests */
  constructor(
    socket: ClientSocket,
    link: ClientLink,
    vconn: VConn | undefined,
    { origin, handshakes = [], protocol }: ClientDetails = {},
  ) {
    this.remoteAddress = socket.remoteAddress
    this.remotePort = socket.remotePort
    this.localAddress = socket.localAddress
    this.localPort = socket.localPort
    this.announced = socket.announced
    this.vconn = vconn
    this.origin = origin
    this.handshakes = handshakes
    this.protocol = protocol
    this.#socket = socket
    this.#link = link
  }

  /** The certificate that the client has shown to an `ssl` port. */
  get shown(): ClientCertificate | undefined {
    return this.handshakes.find(({ kind }) => kind === 'port')?.shown
  }

  /** Both ends of its connection, for the PROXY protocol. */
  get clientEnds(): ClientEnds {
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0, announced } = this
    return { remoteAddress, remotePort, localAddress, localPort, announced }
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

  /** The same client inside its bumped tunnel, whose requests come on another link. @param shown there */
  inside(
    link: ClientLink,
    origin: string | undefined,
    shown: ClientCertificate | undefined,
    protocol?: string,
  ): ClientInfo {
    const { identity } = this
    const handshakes = [...this.handshakes, { kind: 'bump', shown } as const]
    const inside = new ClientInfo(this.#socket, link, this.vconn, { origin, handshakes, protocol })
    return Object.assign(inside, { identity })
  }

  /** The same client as the asker of one tunnel, which is a stream of its connection. */
  onStream(stream: Pick<ClientSocket, 'once' | 'writableLength'>, link: ClientLink): ClientInfo {
    const { remoteAddress, remotePort, localAddress, localPort, announced, handshakes, vconn } = this
    const socket = {
      ...{ remoteAddress, remotePort, localAddress, localPort },
      ...(announced && { announced }),
      get writableLength() {
        return stream.writableLength ?? 0
      },
      once: (event: 'close', listener: () => void) => stream.once(event, listener),
    }
    return new ClientInfo(socket, link, vconn, { handshakes })
  }

  /** The addresses of the connection, as links have them. */
  get ends(): Endpoints {
    return this.#link
  }

  /** Calls `listener` when its TCP connection has ended. */
  whenClosed(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  /**
   * The owner of the origin connections on which this client logs in.
   * @param identity of the request; origin connections of another one are closed, also where only its groups differ
   */
  ownerFor(identity: Identity | undefined): ConnectionOwner {
    if (this.#owner === undefined || this.#ownerKey !== identity?.key) {
      this.#owner?.end()
      this.#owner = new ConnectionOwner(this.#loseLogin)
      this.#ownerKey = identity?.key
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
   * @param limit milliseconds for the bytes that wait here, and for a body that the client still sends; with 0 the rest is
   *   cut at the first look
   * @param isOpenEnded an orderly end would mark the response as complete
   */
  end(limit: number, isOpenEnded: boolean): void {
    const link = this.#link
    const linger = new Linger(limit)
    let left = limit
    const look = (): void => {
      left -= LINGER
      const goesOn = linger.look()
      if (!this.isSending) {
        if (!goesOn) link.destroy()
      } else if (left <= 0 && isOpenEnded) link.reset()
      else if (left <= 0) link.destroy()
    }
    const timer = every(LINGER, look, why => link.destroy(why))
    link.attach({
      copiesData: true,
      onData: bytes => {
        if (!linger.heard(bytes.length)) link.destroy()
      },
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
