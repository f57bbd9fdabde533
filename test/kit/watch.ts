import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds that a test waits for what happens at once on a machine without load. A test that waits longer fails. */
export const PATIENCE = 60_000

interface Waiter {
  /** True once it has been answered. */
  settle(): boolean
}

/** Lets tests wait for a condition. Each change of its state must be followed by `changed`. */
export class Watch {
  readonly #waiters = new Set<Waiter>()

  changed(): void {
    for (const waiter of this.#waiters) if (waiter.settle()) this.#waiters.delete(waiter)
  }

  /**
   * The first answer of `probe` that is not undefined.
   * @param what the text of the error at a timeout: the condition and the state
   */
  until<T>(probe: () => T | undefined, what: () => string, ms = PATIENCE): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        settle: () => {
          const answer = probe()
          if (answer === undefined) return false
          clearTimeout(timer)
          resolve(answer)
          return true
        },
      }
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new Error(`waited ${ms} ms for ${what()}`))
      }, ms)
      if (!waiter.settle()) this.#waiters.add(waiter)
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

/** Waits for the first truthy answer of `probe`, asked every few milliseconds: for state that reports no change. */
export async function poll<T>(
  probe: () => T | undefined | false | Promise<T | undefined>,
  what: string,
): Promise<T> {
  for (const end = performance.now() + PATIENCE; ; await sleep(5)) {
    const answer = await probe()
    if (answer !== undefined && answer !== false) return answer as T
    if (performance.now() > end) throw new Error(`waited ${PATIENCE} ms for ${what}`)
  }
}
