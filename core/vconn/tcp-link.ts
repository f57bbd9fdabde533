import type { Socket } from 'node:net'
import { authorityText } from '../base/authority.js'
import { asFault } from '../base/edge.js'
import type { Side } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { codeOf } from '../base/thrown.js'
import type { ClientLink, LinkSink } from './link.js'
import type { OriginLink } from './origin-link.js'
import { ReadAhead } from './read-ahead.js'
import { CLOSED, type LinkSocket, type Receiver, readToEnd } from './sockets.js'

/**
 * A {@link Link} over a TCP socket. Nothing else touches the events by which the socket's bytes come.
 *
 * The socket is expected with `allowHalfOpen`: an end in one direction leaves the other one open, and the socket closes
 * by itself once both have ended.
 */
export class TcpLink implements ClientLink, OriginLink {
  #socket: LinkSocket
  readonly #side: Exclude<Side, 'internal'>
  #receiver: Receiver | undefined
  /** What is known of a socket that has closed. */
  #last: { readonly hasReceived: boolean; readonly bytesWritten: number } | undefined
  #sink: LinkSink | undefined
  #ahead: ReadAhead | undefined
  #cause: ProxyError | undefined
  #hasClosed = false
  #localAddress: string | undefined
  #remoteAddress: string | undefined

  /**
   * @param side whose socket this is: it decides the code of an error
   * @param receiver takes the bytes, if the socket was connected with one
   */
  constructor(socket: Socket, side: Exclude<Side, 'internal'>, receiver?: Receiver) {
    this.#socket = socket
    this.#side = side
    this.#receiver = receiver
    socket.on('error', error => {
      this.#cause ??= linkError(error, this.#side)
    })
    socket.on('close', () => this.#onClose())
  }

  get localAddress(): string {
    this.#localAddress ??= addressText(this.#socket.localAddress, this.#socket.localPort)
    return this.#localAddress
  }

  get remoteAddress(): string {
    this.#remoteAddress ??= addressText(this.#socket.remoteAddress, this.#socket.remotePort)
    return this.#remoteAddress
  }

  get isClosed(): boolean {
    return this.#hasClosed || this.#socket.destroyed
  }

  watch(onGone: () => void, onFirst?: () => void): () => void {
    const ahead = new ReadAhead(this, onGone, onFirst)
    this.attach(ahead)
    this.#ahead = ahead
    return ahead.ignore
  }

  get isHolding(): boolean {
    return this.#socket.writableLength > 0
  }

  get hasReceived(): boolean {
    return this.#last?.hasReceived ?? this.#socket.bytesRead > 0
  }

  get bytesWritten(): number {
    return this.#last?.bytesWritten ?? this.#socket.bytesWritten
  }

  attach(sink: LinkSink): void {
    const isFirst = this.#sink === undefined
    this.#sink = sink
    this.#passOn()
    if (this.#sink !== sink) return // it has attached another sink meanwhile
    if (this.#hasClosed) {
      queueMicrotask(() => sink.onClose(this.#cause))
      return
    }
    // A later sink gets `onEnd` for an end that came before it attached.
    if (this.#socket.readableEnded) queueMicrotask(() => this.#onEarlyEnd())
    if (!isFirst) return
    this.#socket.on('end', () => this.#end())
    this.#socket.on('drain', () => this.#drain())
    // Last, because it starts the flow.
    if (this.#receiver === undefined) this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
    else this.#listen(this.#receiver)
  }

  #passOn(): void {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead === undefined) return
    if (ahead.isFull) this.resume() // before: the new sink may want it paused
    for (const bytes of ahead.chunks) this.#sink?.onData(bytes)
  }

  #onEarlyEnd(): void {
    if (!this.#hasClosed) this.#end()
  }

  #listen(receiver: Receiver): void {
    receiver.listen(bytes => this.#take(this.#sink?.copiesData ? bytes : Buffer.from(bytes)))
    this.#socket.resume()
  }

  #take(bytes: Buffer): void {
    try {
      this.#sink?.onData(bytes)
    } catch (cause) {
      this.#fault(cause)
    }
  }

  #drain(): void {
    try {
      this.#sink?.onDrain()
    } catch (cause) {
      this.#fault(cause)
    }
  }

  #end(): void {
    try {
      this.#sink?.onEnd()
    } catch (cause) {
      this.#fault(cause)
    }
  }

  /** An error of the sink ends this connection, and no other. */
  #fault(cause: unknown): void {
    this.destroy(asFault('the connection', cause))
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.writable && this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    if (this.#socket.writable) this.#socket.end()
  }

  destroy(cause?: ProxyError): void {
    this.#cause ??= cause
    this.#socket.destroy()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  readToEnd(): void {
    readToEnd(this.#socket)
  }

  whenClosed(listener: () => void): void {
    if (this.#hasClosed) queueMicrotask(listener)
    else this.#socket.once('close', listener)
  }

  /** The link may be kept for long after its end: of a handshake that is held, for example. */
  #forgetSocket(): void {
    this.#localAddress ??= this.localAddress
    this.#remoteAddress ??= this.remoteAddress
    this.#last = { hasReceived: this.hasReceived, bytesWritten: this.bytesWritten }
    this.#socket = CLOSED
    this.#receiver = undefined
  }

  #onClose(): void {
    this.#hasClosed = true
    this.#forgetSocket()
    this.#sink?.onClose(this.#cause)
  }
}

const LOST: Readonly<Record<Exclude<Side, 'internal'>, ErrorCode>> = {
  client: 'PTC_CLIENT_GONE',
  origin: 'PTC_ORIGIN_CLOSED',
}

/** What the error of an open socket means. Only a timeout of the kernel's own is told apart from a lost connection. */
function linkError(error: Error, side: Exclude<Side, 'internal'>): ProxyError {
  const code = codeOf(error)
  const timedOut = side === 'origin' && code === 'ETIMEDOUT'
  return new ProxyError(
    timedOut ? 'PTC_ORIGIN_TIMEOUT' : LOST[side],
    `the ${side}'s connection broke (${code})`,
    {
      cause: error,
    },
  )
}

/** `address:port`, IPv6 in brackets; empty for a socket that is not connected. */
export function addressText(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return ''
  return authorityText(address, port ?? 0)
}
