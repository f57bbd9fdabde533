import { ProxyError } from './errors.js'
import { FairRow } from './fair-row.js'
import { after } from './timer.js'

/** How much of one turn of the event loop the queue may use, in milliseconds: shorter when more than `MANY` pieces wait. */
const SLICE = 2
const SHORT_SLICE = 1
const MANY = 128
/** For how long at most no slice is taken, in milliseconds, while connections come in with every turn of the event loop. */
const MAKES_WAY = 4
/** How long a piece may wait for its slot, in milliseconds. */
export const LONGEST_WAIT = 30_000

/** What is further on comes first: few things are begun while others wait to be finished. */
export type Urgency = 0 | 1 | 2

/** Whose slot a piece of work takes: slots go round client networks first, then round the hosts that each one wants. */
export interface Share {
  /** The client's network, as {@link import('./network.js').networkOf} has it; empty for work of the proxy's own. */
  readonly network: string
  /** The origin; empty for the client's own handshake. */
  readonly host: string
}

type Work = () => void
type Late = (why: ProxyError) => void

/** A piece that waits. It leaves its row when it is run, and is over before that when its time is up. */
interface Piece {
  readonly work: Work
  readonly late: Late
  readonly endsAt: number
  isOver: boolean
}

/**
 * Shares the processor between clients, and between the hosts that each of them wants: pieces of work (the steps of TLS
 * handshakes, each up to a millisecond) run in slices, one client network after the other, and between two slices
 * all other work of the event loop runs. So neither a storm of handshakes with one origin, nor a client with many names,
 * holds up others. A slot is the moment at which a piece may run.
 *
 * Life of a piece: run at once while the slice lasts and nothing waits; else waiting, then run, or refused because it is late.
 * A piece cannot be taken back: it looks for itself whether it is still wanted.
 */
export class FairQueue {
  readonly #row = new FairRow<Piece>(({ isOver }) => !isOver)
  /** In order of time: all wait equally long at most. */
  readonly #waiting = new Set<Piece>()
  readonly #onError: (cause: unknown) => void
  readonly #limit: number
  #timer: NodeJS.Timeout | undefined
  #spent = 0
  #since = 0
  #endedAt = 0
  #makesWay = false
  #isScheduled = false

  /**
   * @param onError is called with the error of work that ran later; work that runs at once throws to its caller
   * @param limit milliseconds for which a piece waits for its slot
   */
  constructor(onError: (cause: unknown) => void, limit = LONGEST_WAIT) {
    this.#onError = onError
    this.#limit = limit
  }

  /** Pieces that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** @param late called in place of `work` when it got no slot in time */
  run(share: Share, urgency: Urgency, work: Work, late: Late): void {
    this.#schedule()
    if (this.#waiting.size === 0 && this.#spent < SLICE) return this.#runNow(work)
    const piece = { work, late, endsAt: performance.now() + this.#limit, isOver: false }
    this.#row.add(share.network, share.host, urgency, piece)
    this.#waiting.add(piece)
    // What waits keeps the process running by its slots; the clock alone does not.
    this.#timer ??= after(this.#limit, this.#onTimer, this.#onError).unref()
  }

  /**
   * Begins in a slot what takes longer; what it does before it first waits counts as a piece.
   * @throws {ProxyError} PTC_OVERLOADED it got no slot in time
   */
  begin<T>(share: Share, urgency: Urgency, start: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const work = (): void => {
        try {
          resolve(start())
        } catch (cause) {
          reject(cause)
        }
      }
      this.run(share, urgency, work, reject)
    })
  }

  /**
   * A connection has come in. The system hands over one in a turn of the loop, however many wait behind it, and whose they
   * are cannot be known: slices are short until they are in.
   */
  yieldToAccepts(): void {
    this.#makesWay = true
  }

  #runNow(work: Work): void {
    const since = performance.now()
    try {
      work()
    } finally {
      this.#spent += performance.now() - since
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#slice())
  }

  #slice(): void {
    this.#isScheduled = false
    const now = performance.now()
    const makesWay = this.#makesWay && now - this.#endedAt < MAKES_WAY
    this.#makesWay = false
    if (makesWay) return this.#schedule()
    this.#spent = 0
    this.#since = now
    this.#goOn()
  }

  /** The next piece; and then another one, if there is time for it. What a piece leaves to microtasks is part of it. */
  #goOn(): void {
    const piece = this.#row.next()
    if (piece === undefined) return
    this.#waiting.delete(piece)
    try {
      if (piece.endsAt > this.#since) piece.work()
      else piece.late(overloaded(this.#limit))
    } catch (cause) {
      this.#onError(cause)
    } finally {
      queueMicrotask(this.#onMicrotask)
    }
  }

  readonly #onMicrotask = (): void => process.nextTick(this.#onPieceDone)

  readonly #onPieceDone = (): void => {
    this.#endedAt = performance.now()
    this.#spent = this.#endedAt - this.#since
    const { size } = this.#waiting
    if (size === 0) return
    if (this.#spent < (size > MANY ? SHORT_SLICE : SLICE)) this.#goOn()
    else this.#schedule()
  }

  /** Tells those whose time is up; many of them a slice at a time, too. */
  readonly #onTimer = (): void => {
    this.#timer = undefined
    const since = performance.now()
    for (const piece of this.#waiting) {
      const now = performance.now()
      if (piece.endsAt > now || now - since > SLICE) {
        this.#timer = after(Math.max(piece.endsAt - now, 1), this.#onTimer, this.#onError).unref()
        return
      }
      piece.isOver = true
      this.#waiting.delete(piece)
      try {
        piece.late(overloaded(this.#limit))
      } catch (cause) {
        this.#onError(cause)
      }
    }
  }
}

export const overloaded = (limit: number): ProxyError =>
  new ProxyError('PTC_OVERLOADED', `the proxy is busy: no slot in ${limit} ms`)
