/** How much of one turn of the event loop the queue may use, in milliseconds: shorter when more than `MANY` pieces wait. */
const SLICE = 2
const SHORT_SLICE = 1
const MANY = 128
/** For how long at most no slice is taken, in milliseconds, while somebody comes in with every turn of the event loop. */
const MAKES_WAY = 4

/** What is further on comes first: few things are begun while others wait to be finished. */
export type Urgency = 0 | 1 | 2

type Work = () => void
type Lane = [Work[], Work[], Work[]]

/**
 * Shares the processor between keys: pieces of work (the steps of TLS handshakes, each up to a millisecond) run in
 * slices, one key after the other, and between two slices everybody else has a turn. So a storm of handshakes with one
 * origin holds up neither a request to another one nor what is already connected.
 *
 * Life of a piece: run at once while the slice lasts and nobody waits, else waiting, then run. A piece cannot be taken
 * back: it looks for itself whether it is still wanted.
 */
export class FairQueue {
  /** Keys that wait, in the order of their turns. */
  readonly #lanes = new Map<string, Lane>()
  readonly #onError: (cause: unknown) => void
  #waiting = 0
  #spent = 0
  #since = 0
  #endedAt = 0
  #makesWay = false
  #isScheduled = false

  /** @param onError hears what a piece of work threw when it ran later; what runs at once throws to its caller */
  constructor(onError: (cause: unknown) => void) {
    this.#onError = onError
  }

  /** Keys that wait. */
  get size(): number {
    return this.#lanes.size
  }

  run(key: string, urgency: Urgency, work: Work): void {
    this.#schedule()
    if (this.#lanes.size === 0 && this.#spent < SLICE) return this.#runNow(work)
    this.#waiting += 1
    const lane = this.#lanes.get(key)
    if (lane !== undefined) {
      lane[urgency].push(work)
      return
    }
    const fresh: Lane = [[], [], []]
    fresh[urgency].push(work)
    this.#lanes.set(key, fresh)
  }

  /** Begins what takes longer when it is this key's turn; what it does before it first waits counts as a piece. */
  turn<T>(key: string, urgency: Urgency, begin: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.run(key, urgency, () => {
        try {
          resolve(begin())
        } catch (cause) {
          reject(cause)
        }
      })
    })
  }

  /**
   * Somebody has come in. The system hands over one connection in a turn of the loop, however many wait behind it, and who
   * is among them cannot be known: turns are short until they are in.
   */
  makeWay(): void {
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
    const work = this.#next()
    if (work === undefined) return
    try {
      work()
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
    if (this.#lanes.size === 0) return
    if (this.#spent < (this.#waiting > MANY ? SHORT_SLICE : SLICE)) this.#goOn()
    else this.#schedule()
  }

  /** The most urgent piece of the first key, which then goes to the end of the row. */
  #next(): Work | undefined {
    for (const [key, lane] of this.#lanes) {
      this.#waiting -= 1
      const work = (lane[2].length > 0 ? lane[2] : lane[1].length > 0 ? lane[1] : lane[0]).shift()
      this.#lanes.delete(key)
      if (lane[0].length + lane[1].length + lane[2].length > 0) this.#lanes.set(key, lane)
      return work
    }
    return undefined
  }
}
