import type { Parked } from '../api/client-hooks.js'
import type { VConn } from '../api/vconn.js'
import { describe } from '../base/errors.js'
import { NODE_TIME, type Time, type Wait } from '../base/time.js'
import { Reenable } from '../vconn/reenable.js'
import { Timers } from '../vconn/schedule.js'
import type { HandshakeObserver } from './observer.js'
import type { ServerEvent } from './server-handshake.js'

/** One continuation on a hook of the client's side, ready to be asked. */
export interface ServerAsker<E> {
  readonly plugin: string
  /** Milliseconds this one may take, if its line says so. */
  readonly deadline: number | undefined
  /** Calls it; `refuse` hears what it threw. */
  readonly ask: (event: E, refuse: (cause: unknown) => void) => void
}

export type TurnObserver = Pick<HandshakeObserver, 'ignoredReenable' | 'pluginFailed'>

/** What is the same for every plugin that is asked about one client. */
export interface ServerTurnFacts {
  readonly vconn: VConn
  readonly sni: string | undefined
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly observer: TurnObserver
  /** What waits for the plugin; default: Node's timers. */
  readonly time?: Time
}

/**
 * One plugin's turn in a client's handshake.
 *
 * Life: asked -> over. It is over when the plugin has answered, has failed, is out of its own time, or is told to stop;
 * exactly one event comes out of it, or none when it was stopped. What the plugin does later reaches nothing.
 */
export class ServerTurn {
  readonly #right: Reenable
  readonly #abort = new AbortController()
  readonly #timers: Timers
  readonly #refuse: (cause: unknown) => void
  readonly #time: Time
  #clock: Wait | undefined
  /** What the plugin gets, beside what its hook is about. */
  readonly parked: Parked

  /** @param isSettled whether, after an acceptance, nobody else needs to be asked */
  constructor(
    { plugin, deadline: own }: Pick<ServerAsker<unknown>, 'plugin' | 'deadline'>,
    { vconn, sni, deadline, observer, time = NODE_TIME }: ServerTurnFacts,
    isSettled: () => boolean,
    onEnd: (event: ServerEvent) => void,
  ) {
    const client = `client ${vconn.remoteAddress}`
    const end = (event: ServerEvent): void => {
      this.#finish(event.type === 'late')
      onEnd(event)
    }
    this.#right = new Reenable(
      verdict => end({ type: 'reenabled', verdict, isSettled: isSettled() }),
      why => observer.ignoredReenable(plugin, client, why),
    )
    this.#refuse = cause => {
      observer.pluginFailed(plugin, client, cause)
      if (this.#right.isOpen) end({ type: 'plugin-failed', detail: describe(cause) })
    }
    this.#time = time
    this.#timers = new Timers(this.#refuse, undefined, time)
    const ends = Date.now() + (own ?? Infinity)
    if (own !== undefined && ends < deadline) this.#clock = time.after(own, () => end({ type: 'late' }))
    this.parked = {
      vconn,
      sni,
      signal: this.#abort.signal,
      deadline: Math.min(ends, deadline),
      reenable: this.#right.call,
      schedule: (continuation, ms) => this.#timers.after(ms, continuation),
    }
  }

  /** Asks. The answer may come from within this call. */
  start<E>(asker: ServerAsker<E>, event: E): void {
    asker.ask(event, this.#refuse)
  }

  /** Whether the answer is still wanted. */
  get isOpen(): boolean {
    return this.#right.isOpen
  }

  /** The answer is no longer wanted: the right is revoked, the signal aborts. */
  stop(): void {
    if (this.#right.isOpen) this.#finish(true)
  }

  #finish(isUnwanted: boolean): void {
    this.#time.cancel(this.#clock)
    this.#right.revoke()
    this.#timers.clear()
    if (isUnwanted) this.#abort.abort()
  }
}
