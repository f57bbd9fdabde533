import type { Room } from './idle.js'

/** Milliseconds between two looks at the processors. */
const LOOK = 250

/**
 * Does the work of each item, several at a time, in the order of the items as far as their begin is concerned.
 * @param items an iterable that is read once
 */
export async function inTurns<T>(
  items: Iterable<T>,
  room: Room,
  work: (item: T) => Promise<void>,
  look = LOOK,
): Promise<void> {
  const waiting = items[Symbol.iterator]()
  let running = 0
  await new Promise<void>((resolve, reject) => {
    let isOver = false
    const timer = setInterval(() => {
      if (room.isIdle() && running < room.most) next()
    }, look)
    const end = (): void => {
      running -= 1
      if (isOver && running === 0) {
        clearInterval(timer)
        resolve()
      } else if (running < room.least) next()
    }
    const fail = (why: unknown): void => {
      clearInterval(timer)
      reject(why)
    }
    const next = (): void => {
      const { value, done } = waiting.next()
      if (done === true) isOver = true
      if (isOver) {
        if (running > 0) return
        clearInterval(timer)
        return resolve()
      }
      running += 1
      work(value).then(end, fail)
    }
    while (running < room.least && !isOver) next()
  })
}
