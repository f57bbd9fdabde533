import { Deadline } from '../base/deadline.js'
import { doAll } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import type { Link, LinkSink } from './link.js'

/** What went through, and why it ended. */
export interface PumpResult {
  /** From the first link to the second. */
  readonly bytesUp: number
  /** From the second link to the first. */
  readonly bytesDown: number
  /**
   * Absent after an orderly end in both directions, and when the client had ended its direction and then reset the
   * connection: it has closed its socket, and programs that close do not wait for the last bytes of an origin.
   */
  readonly cause: ProxyError | undefined
}

/**
 * Relays bytes both ways until both links are closed: with back-pressure, and with half-closes passed on. A link that
 * breaks takes the other one with it.
 *
 * @param idle milliseconds without a byte in either direction after which both are closed
 * @param onDone called exactly once
 */
export function pump(client: Link, origin: Link, idle: number, onDone: (result: PumpResult) => void): void {
  new Pump(client, origin, idle, onDone).start()
}

class Pump {
  readonly #up: Direction
  readonly #down: Direction
  readonly #idle: number
  readonly #deadline: Deadline
  readonly #onDone: (result: PumpResult) => void
  #open = 2
  #cause: ProxyError | undefined

  constructor(client: Link, origin: Link, idle: number, onDone: (result: PumpResult) => void) {
    this.#up = new Direction(client, origin, this)
    this.#down = new Direction(origin, client, this)
    this.#onDone = onDone
    this.#idle = Math.max(idle, 1) // a limit of 0 is over at once
    this.#deadline = new Deadline({ onFault: why => this.#end(why), onTime: () => this.#onIdle(idle) })
  }

  start(): void {
    this.moved()
    // The last bytes of either end are for the other one, whatever becomes of the opposite direction.
    this.#up.from.readToEnd?.()
    this.#down.from.readToEnd?.()
    this.#up.from.attach(this.#up)
    this.#down.from.attach(this.#down)
  }

  moved(): void {
    this.#deadline.set(this.#idle)
  }

  /** `direction.from` is gone: with all its bytes passed on and both ends orderly, or the other link breaks too. */
  closed(direction: Direction, cause: ProxyError | undefined): void {
    const isOrderly = cause === undefined && this.#up.hasEnded && this.#down.hasEnded
    const hasClosedSocket = direction === this.#up && direction.hasEnded && cause?.code === 'PTC_CLIENT_GONE'
    const why = hasClosedSocket ? undefined : cause
    this.#cause ??= why
    this.#open -= 1
    if (this.#open === 0) {
      this.#deadline.stop()
      this.#onDone({ bytesUp: this.#up.bytes, bytesDown: this.#down.bytes, cause: this.#cause })
    } else if (!isOrderly) {
      direction.to.destroy(why)
    }
  }

  /** Both links end, whatever the end of one throws. */
  #end(cause: ProxyError): void {
    doAll(
      'the end of a tunnel',
      () => this.#up.from.destroy(cause),
      () => this.#down.from.destroy(cause),
    )
  }

  #onIdle(idle: number): void {
    const cause = new ProxyError('PTC_TUNNEL_IDLE', `no byte in either direction for ${idle} ms`)
    this.#end(cause)
  }

  drained(link: Link): void {
    const source = link === this.#up.to ? this.#up.from : this.#down.from
    source.resume()
  }
}

class Direction implements LinkSink {
  readonly from: Link
  readonly to: Link
  readonly #pump: Pump
  bytes = 0
  hasEnded = false

  constructor(from: Link, to: Link, owner: Pump) {
    this.from = from
    this.to = to
    this.#pump = owner
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length
    this.#pump.moved()
    if (!this.to.write(bytes)) this.from.pause()
  }

  onDrain(): void {
    this.#pump.moved()
    this.#pump.drained(this.from)
  }

  onEnd(): void {
    this.hasEnded = true
    this.to.end()
  }

  onClose(cause: ProxyError | undefined): void {
    this.#pump.closed(this, cause)
  }
}
