import type { Verdict } from '../api/verdict.js'
import { doAll } from '../base/edge.js'
import { type AskedTurn, PluginTurn, type TurnAsker, type TurnEnd } from './turn.js'

/** How a question is put. */
export interface Put<E> {
  readonly ask: TurnAsker<E>['ask']
  /**
   * Called with the verdict that counted, before any of the turns that share it goes on.
   * @returns whether it still counts: what one turn does with it may end it for the turns that have not had it yet
   */
  readonly onVerdict: (verdict: Verdict) => () => boolean
}

/** Turns of one continuation that ask the same at the same time: they share one call of the plugin. */
export class SharedTurns<E> {
  readonly #pending = new Map<string, SharedTurn<E>>()

  /** How many can be joined. */
  get size(): number {
    return this.#pending.size
  }

  /**
   * @param key what the question is
   * @param anew asks it once more for this turn, whose answer has ended before it was handed out
   */
  ask(key: string, turn: AskedTurn<E>, put: Put<E>, anew: () => void): void {
    const known = this.#pending.get(key)
    if (known?.isJoinable) return known.join(turn, anew)
    const shared: SharedTurn<E> = new SharedTurn(turn, put, () => {
      if (this.#pending.get(key) === shared) this.#pending.delete(key)
    })
    this.#pending.set(key, shared)
    shared.join(turn, anew)
    shared.start()
  }
}

/**
 * One call of a plugin, and the turns that wait for it.
 *
 * Life: pending -> over. Each turn has its own clock and its own client. A turn that ends leaves the question, which lives
 * on for the others; when the last one leaves, the question is over, unanswered. A verdict or a failure is for all turns, but
 * none gets a verdict that a revocation has ended since: for the turns that are left, the question is asked once more.
 *
 * It can be joined until the deadline it was asked with. Otherwise a call that never answers would always have a turn
 * that waits for it, and the plugin would never be asked again.
 */
class SharedTurn<E> {
  /** With what asks anew. */
  readonly #waiting = new Map<AskedTurn<E>, () => void>()
  readonly #turn: PluginTurn<E>
  readonly #onVerdict: Put<E>['onVerdict']

  constructor(
    { plugin, facts, deadline, toEvent }: AskedTurn<E>,
    { ask, onVerdict }: Put<E>,
    onOver: () => void,
  ) {
    this.#onVerdict = onVerdict
    this.#turn = new PluginTurn<E>(
      { plugin, deadline: undefined, ask },
      { ...facts, deadline },
      toEvent,
      end => this.#end(end),
    )
    this.#turn.watch(onOver)
  }

  get isJoinable(): boolean {
    return this.#turn.isOpen && Date.now() < this.#turn.deadline
  }

  join(turn: AskedTurn<E>, anew: () => void): void {
    this.#waiting.set(turn, anew)
    turn.watch(() => this.#leave(turn))
  }

  start(): void {
    this.#turn.start()
  }

  #leave(turn: AskedTurn<E>): void {
    if (this.#waiting.delete(turn) && this.#waiting.size === 0) this.#turn.stop()
  }

  #end(end: TurnEnd): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    if (end.type === 'reenabled') {
      const { verdict } = end
      const counts = this.#onVerdict(verdict)
      forEach(waiting, ([turn, anew]) => {
        if (counts()) turn.reenable(verdict)
        else if (turn.isOpen) anew()
      })
    } else if (end.type === 'plugin-failed') forEach(waiting, ([turn]) => turn.refuse(end.cause))
  }
}

/** A fault in the handshake of one client does not keep the answer from the others; it is thrown when all have it. */
function forEach<T>(waiting: readonly T[], tell: (one: T) => void): void {
  const fault = doAll('an answer for several handshakes', ...waiting.map(one => () => tell(one)))
  if (fault !== undefined) throw fault
}
