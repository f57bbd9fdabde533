import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds that a test waits for what happens at once on a machine without load. A test that waits longer fails. */
export const PATIENCE = 60_000

interface Waiter {
  /** True once it has been answered. */
  settle(): boolean
  readonly timer: NodeJS.Timeout
}

/** Lets tests wait for a condition. Each change of its state must be followed by `changed`. */
export class Watch {
  readonly #waiters = new Set<Waiter>()
  #isOver = false

  changed(): void {
    for (const waiter of this.#waiters) if (waiter.settle()) this.#waiters.delete(waiter)
  }

  /** The last change has been: what still waits for another one does not keep the process alive. */
  over(): void {
    this.#isOver = true
    for (const { timer } of this.#waiters) timer.unref()
  }

  /**
   * The first answer of `probe` that is not undefined.
   * @param what the text of the error at a timeout: the condition and the state
   */
  until<T>(probe: () => T | undefined, what: () => string, ms = PATIENCE): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = (): void => {
        this.#waiters.delete(waiter)
        reject(new Error(`waited ${ms} ms for ${what()}`))
      }
      const settle = (): boolean => {
        const answer = probe()
        if (answer === undefined) return false
        clearTimeout(waiter.timer)
        resolve(answer)
        return true
      }
      const waiter: Waiter = { settle, timer: setTimeout(late, ms) }
      if (this.#isOver) waiter.timer.unref()
      if (!settle()) this.#waiters.add(waiter)
    })
  }
}

/** A promise with a deadline. */
export async function within<T>(promise: Promise<T>, what: string, ms = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Milliseconds between two questions of `poll`, at first and after a while: what takes long is not asked all the time. */
const SOON = 5
const LATER = 40

/**
 * Waits for the first answer of `probe` that is neither undefined nor false. It is asked every few milliseconds: for state
 * that reports no change.
 */
export async function poll<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
): Promise<T> {
  const end = performance.now() + PATIENCE
  for (let pause = SOON; ; pause = Math.min(pause * 1.2, LATER)) {
    const answer = await probe()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > end) throw new Error(`waited ${PATIENCE} ms for ${what}`)
    await sleep(pause)
  }
}
