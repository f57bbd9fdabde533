import type { Socket, SocketConstructorOpts, TcpNetConnectOpts } from 'node:net'
import type { ProxyError } from '../base/errors.js'
import { after } from '../base/timer.js'
import { LastWordsSocket, Receiver } from '../vconn/sockets.js'
import type { NameAddress } from './names/names.js'

/** RFC 8305 section 8: the recommended delay, in milliseconds. */
export const ATTEMPT_DELAY = 250

/** A connected socket, and what receives its bytes. */
export interface Connected {
  readonly socket: Socket
  readonly receiver: Receiver
}

/**
 * Connects to several addresses at once and keeps the first connection (Happy Eyeballs, RFC 8305 section 5). A further
 * attempt begins after each delay, and as soon as an attempt fails. The delay ends no attempt: a slow address can still
 * win after the others were tried. The caller's signal ends them all.
 *
 * @param addresses in order of preference, at least one
 * @param delay milliseconds between the begins of two attempts
 * @throws the errors of all attempts as a list, or the signal's reason
 */
export function connectToFirst(
  addresses: readonly NameAddress[],
  port: number,
  delay: number,
  signal: AbortSignal,
): Promise<Connected> {
  return new Promise((resolve, reject) => new Race(addresses, port, delay, signal, resolve, reject).start())
}

/** Life: attempting -> settled. Sockets of lost attempts are destroyed, and their late errors are ignored. */
class Race {
  readonly #waiting: NameAddress[]
  readonly #port: number
  readonly #delay: number
  readonly #signal: AbortSignal
  readonly #resolve: (connected: Connected) => void
  readonly #reject: (error: unknown) => void
  readonly #open = new Set<Socket>()
  readonly #errors: unknown[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(
    addresses: readonly NameAddress[],
    port: number,
    delay: number,
    signal: AbortSignal,
    resolve: (connected: Connected) => void,
    reject: (error: unknown) => void,
  ) {
    this.#waiting = interleaved(addresses)
    this.#port = port
    this.#delay = delay
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    if (this.#signal.aborted) return this.#onAbort()
    this.#signal.addEventListener('abort', this.#onAbort)
    this.#next()
  }

  readonly #onAbort = (): void => {
    this.#settle()
    this.#reject(this.#signal.reason)
  }

  readonly #onFault = (why: ProxyError): void => {
    this.#settle()
    this.#reject(why)
  }

  readonly #next = (): void => {
    clearTimeout(this.#timer)
    const address = this.#waiting.shift()
    if (address === undefined) return
    const receiver = new Receiver()
    const options: SocketConstructorOpts & TcpNetConnectOpts = {
      host: address.address,
      family: address.family,
      port: this.#port,
      allowHalfOpen: true,
      noDelay: true,
      onread: receiver.onread,
      ...SET_BY_NODE,
    }
    const socket = new LastWordsSocket(options)
    socket.connect(options)
    this.#open.add(socket)
    // It stays after a failure: a late error of a destroyed socket must find a listener.
    const onError = (error: Error): void => this.#onError(socket, error)
    socket.on('error', onError)
    socket.once('connect', () => {
      if (!this.#open.delete(socket)) return
      this.#settle()
      socket.removeListener('error', onError)
      this.#resolve({ socket, receiver })
    })
    if (this.#waiting.length > 0) this.#timer = after(this.#delay, this.#next, this.#onFault)
  }

  #onError(socket: Socket, error: Error): void {
    if (!this.#open.delete(socket)) return
    this.#errors.push(error)
    if (this.#waiting.length > 0) return this.#next()
    if (this.#open.size > 0) return
    this.#settle()
    this.#reject(this.#errors)
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
    this.#signal.removeEventListener('abort', this.#onAbort)
    const lost = [...this.#open]
    this.#open.clear()
    for (const socket of lost) socket.destroy()
  }
}

/** net.Socket sets these on a copy of its options. Present from the start, they keep the copies in one shape. */
const SET_BY_NODE = { emitClose: false, autoDestroy: true, decodeStrings: false }

/** Alternates the address families, beginning with the family of the first address (RFC 8305 section 4). */
export function interleaved(addresses: readonly NameAddress[]): NameAddress[] {
  const family = addresses[0]?.family
  const preferred = addresses.filter(address => address.family === family)
  const others = addresses.filter(address => address.family !== family)
  const out: NameAddress[] = []
  for (let i = 0; i < Math.max(preferred.length, others.length); i++)
    for (const address of [preferred[i], others[i]]) if (address !== undefined) out.push(address)
  return out
}
