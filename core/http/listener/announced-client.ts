import type { Socket } from 'node:net'
import { authorityText } from '../../base/authority.js'
import type { Current } from '../../base/current.js'
import { Deadline } from '../../base/deadline.js'
import type { ClientLink } from '../../vconn/link.js'
import { RelayedLink } from '../../vconn/origin-link.js'
import { type Announced, readHeader } from '../../vconn/proxy-protocol.js'
import type { TcpLink } from '../../vconn/tcp-link.js'
import type { ClientInfo, ClientSocket } from './client-info.js'

export interface AnnouncedOptions {
  /** Whether the relay at this address may announce clients. */
  readonly mayAnnounce: (address: string) => boolean
  /** Asked about each client with the address that was announced; one that is not welcome has been closed. */
  readonly isWelcome: (socket: Socket, address: string) => boolean
  /** Milliseconds in which the header must be complete. */
  readonly timeout: Current<number>
  /** Told why a connection was closed. */
  readonly onRefused: (message: string) => void
}

type Take = (link: ClientLink, client: ClientInfo) => void

/** What is done with a client whose relay has announced it. */
type Accept = (tcp: ClientLink & RelayedLink, socket: ClientSocket, take: Take) => { abandon(): void }

/**
 * A connection of a relay that announces its client by the PROXY protocol. Everything behind the header is as without it, with the
 * address that was announced.
 *
 * Life: reading the header -> in, with the rest of the bytes; or closed.
 */
export function acceptAnnounced(
  tcp: TcpLink,
  socket: Socket,
  take: Take,
  accept: Accept,
  { mayAnnounce, isWelcome, timeout, onRefused }: AnnouncedOptions,
): { abandon(): void } {
  const relay = socket.remoteAddress ?? ''
  let next: { abandon(): void } | undefined
  let bytes: Buffer = Buffer.alloc(0)
  let isOver = false
  const refuse = (why: string): void => {
    isOver = true
    deadline.stop()
    onRefused(`a connection from ${relay} was closed: ${why}`)
    tcp.destroy()
  }
  const deadline = new Deadline({
    onFault: why => tcp.destroy(why),
    onTime: () => refuse('its PROXY header did not come in time'),
  })
  const abandon = (): void => {
    deadline.stop()
    if (next === undefined) tcp.destroy()
    else next.abandon()
  }
  if (!mayAnnounce(relay)) {
    refuse('it is not in proxy.config.http.proxy_protocol_allowlist')
    return { abandon }
  }
  const read = (): void => {
    const reading = readHeader(bytes)
    if (reading.kind === 'more') return
    if (reading.kind === 'malformed') return refuse(`its PROXY header is malformed: ${reading.why}`)
    isOver = true
    deadline.stop()
    const { announced, end } = reading
    if (!isWelcome(socket, announced?.remoteAddress ?? relay)) return
    const link = new AnnouncedLink(tcp, bytes.subarray(end), announced)
    next = accept(link, announced === undefined ? socket : viewOf(socket, announced), take)
  }
  const onGone = (): void => {
    if (isOver) return
    isOver = true
    deadline.stop()
    tcp.destroy()
  }
  deadline.set(timeout())
  tcp.attach({
    onData: more => {
      if (isOver) return
      bytes = Buffer.concat([bytes, more])
      read()
    },
    onDrain: () => {},
    onEnd: onGone,
    onClose: onGone,
  })
  return { abandon }
}

/** The socket, with the ends that were announced. The address at which the proxy was reached stays its own. */
const viewOf = (socket: Socket, announced: Announced): ClientSocket => ({
  remoteAddress: announced.remoteAddress,
  remotePort: announced.remotePort,
  localAddress: socket.localAddress,
  localPort: socket.localPort,
  announced,
  get writableLength() {
    return socket.writableLength
  },
  once: (event, listener) => socket.once(event, listener),
})

/** The bytes behind a header, from the client that it has announced. */
class AnnouncedLink extends RelayedLink implements ClientLink {
  readonly #tcp: TcpLink
  readonly #announced: Announced | undefined

  constructor(tcp: TcpLink, rest: Buffer, announced: Announced | undefined) {
    super(tcp, Buffer.from(rest))
    this.#tcp = tcp
    this.#announced = announced
  }

  override get remoteAddress(): string {
    if (this.#announced === undefined) return super.remoteAddress
    return authorityText(this.#announced.remoteAddress, this.#announced.remotePort)
  }

  get isHolding(): boolean {
    return this.#tcp.isHolding
  }

  get bytesWritten(): number {
    return this.#tcp.bytesWritten
  }

  reset(): void {
    this.#tcp.reset()
  }
}
