import type { VConn } from '../api/vconn.js'
import type { Verdict } from '../api/verdict.js'
import { describe } from '../base/thrown.js'
import type { Time } from '../base/timer.js'
import { Shadows } from './shadows.js'
import { PluginTurn, type Turn, type TurnAsker, type TurnFacts, type TurnObserver } from './turn.js'

/** The plugins on one hook that parks, and what is the same whenever they are asked. */
export interface HookPoint<E> {
  /** Plugins that can reject, in the order of plugin.config. */
  readonly askers: readonly TurnAsker<E>[]
  /** Plugins in shadow mode: asked too, and not waited for. */
  readonly shadows?: readonly TurnAsker<E>[] | undefined
  /** Where their turns are kept; default: of their own. */
  readonly shadowTurns?: Shadows | undefined
  readonly observer: TurnObserver
  /** The timers of the wait; default: Node's. */
  readonly time?: Time | undefined
}

/** What a wait is about. */
export interface ChainSubject {
  readonly vconn: VConn
  /** In the words of the log. */
  readonly about: string
  /** The network of the client for which the origin is judged. */
  readonly network?: string | undefined
}

/** Makes what a plugin receives in its turn. */
export type ToEvent<E> = (turn: Turn, isShadow: boolean) => E

/** How one plugin's turn has ended. */
export type ChainEnd =
  | { readonly type: 'reenabled'; readonly verdict: Verdict }
  | { readonly type: 'plugin-failed'; readonly detail: string }
  | { readonly type: 'late' }

/**
 * The plugins on one hook, asked about one thing: one turn at a time. The caller decides
 * whose turn it is and what follows its end: the machine of a handshake, or a {@link Hold}.
 */
export class Chain<E> {
  readonly #point: HookPoint<E>
  readonly #subject: ChainSubject
  readonly #toEvent: ToEvent<E>
  #turn: PluginTurn<E> | undefined

  constructor(point: HookPoint<E>, subject: ChainSubject, toEvent: ToEvent<E>) {
    this.#point = point
    this.#subject = subject
    this.#toEvent = toEvent
  }

  /** The last turn, which may be over. */
  get turn(): Pick<PluginTurn<E>, 'plugin' | 'deadline' | 'isOpen' | 'extend'> | undefined {
    return this.#turn
  }

  /**
   * Gives one plugin its turn.
   * @param deadline of the whole wait; milliseconds since the epoch
   * @param onEnd called with its end, perhaps from within this call; not called when the turn is stopped
   * @returns whether it still lasts
   */
  ask(index: number, deadline: number, onEnd: (end: ChainEnd) => void): boolean {
    const { askers, observer, time } = this.#point
    const asker = askers[index]
    if (asker === undefined) {
      onEnd({ type: 'plugin-failed', detail: 'there is no such plugin' })
      return false
    }
    // Field by field: a spread costs as much as the rest of the turn's start.
    const { vconn, about, network } = this.#subject
    const facts: TurnFacts = { vconn, about, network, deadline, observer, time }
    const turn = new PluginTurn<E>(
      asker,
      facts,
      its => this.#toEvent(its, false),
      end => {
        if (end.type !== 'plugin-failed') return onEnd(end)
        observer.pluginFailed(asker.plugin, facts.about, end.cause)
        onEnd({ type: 'plugin-failed', detail: describe(end.cause) })
      },
    )
    this.#turn = turn
    turn.start()
    return turn.isOpen
  }

  /** Asks the plugins in shadow mode. Their turns have a life of their own. */
  askShadows(deadline: number): void {
    const { shadows = [], shadowTurns = new Shadows(), observer, time } = this.#point
    if (shadows.length === 0) return
    shadowTurns.ask(shadows, { ...this.#subject, deadline, observer, time }, turn =>
      this.#toEvent(turn, true),
    )
  }

  /** The answer is no longer wanted: the right of the plugin that is asked is revoked, its signal aborts. */
  stop(): void {
    this.#turn?.stop()
  }
}
