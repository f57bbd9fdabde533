import type { OnReadOpts, Socket } from 'node:net'
import { authorityText } from '../base/authority.js'
import { asFault } from '../base/edge.js'
import type { Side } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { codeOf } from '../base/thrown.js'
import type { ClientLink, LinkSink } from './link.js'
import type { OriginLink } from './origin-link.js'
import { ReadAhead } from './read-ahead.js'

/**
 * A {@link Link} over a TCP socket. Nothing else touches the events by which the socket's bytes come.
 *
 * The socket is expected with `allowHalfOpen`: an end in one direction leaves the other one open, and the socket closes
 * by itself once both have ended.
 */
export class TcpLink implements ClientLink, OriginLink {
  readonly #socket: Socket
  readonly #side: Exclude<Side, 'internal'>
  readonly #receiver: Receiver | undefined
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

  /**
   * Reads ahead until a sink attaches, which receives the stored bytes.
   * @param onGone called when the other end leaves before
   * @param onFirst called when it sends something before
   * @returns ends the calls: the next sink then notices an end itself
   */
  watch(onGone: () => void, onFirst?: () => void): () => void {
    const ahead = new ReadAhead(this, onGone, onFirst)
    this.attach(ahead)
    this.#ahead = ahead
    return ahead.ignore
  }

  get isHolding(): boolean {
    return this.#socket.writableLength > 0
  }

  /** Whether the other end has sent anything. */
  get hasReceived(): boolean {
    return this.#socket.bytesRead > 0
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten
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
    // A later sink is told of an end that came before it attached.
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

  /** Calls `listener` once when the socket is closed; for code that attaches no sink. */
  whenClosed(listener: () => void): void {
    if (this.#hasClosed) queueMicrotask(listener)
    else this.#socket.once('close', listener)
  }

  #onClose(): void {
    this.#hasClosed = true
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

/** Bytes of one read: several TLS records in one system call. */
const RECEIVE_BYTES = 262_144

/** One buffer for all connections: the bytes of a read are copied or consumed before the next read. */
const memory = Buffer.allocUnsafeSlow(RECEIVE_BYTES)

/**
 * Takes a socket's bytes without a stream and without an allocation for each read. `connect` receives it as `onread`,
 * before there is a link. Bytes that arrive before `listen` are stored.
 */
export class Receiver {
  #early: Buffer[] | undefined
  #listener: ((bytes: Buffer) => void) | undefined

  readonly onread: OnReadOpts = {
    buffer: memory,
    callback: length => {
      const bytes = memory.subarray(0, length)
      if (this.#listener !== undefined) this.#listener(bytes)
      else if (this.#early === undefined) this.#early = [Buffer.from(bytes)]
      else this.#early.push(Buffer.from(bytes))
      return this.#listener !== undefined // false pauses the socket
    },
  }

  /** @param listener gets bytes that are overwritten when it has returned */
  listen(listener: (bytes: Buffer) => void): void {
    this.#listener = listener
    const early = this.#early
    this.#early = undefined
    if (early !== undefined) for (const bytes of early) listener(bytes)
  }
}
