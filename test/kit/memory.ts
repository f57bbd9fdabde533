/** How much memory of buffers is really in use in this process: what only waits for the collector does not count. */
import { setTimeout as sleep } from 'node:timers/promises'
import { collectGarbage } from './garbage.js'

function inUse(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** Bytes in use, when what an earlier test has let go of is collected, in its own time. */
export async function memoryBaseline(): Promise<number> {
  collectGarbage()
  await sleep(50)
  return inUse()
}

/**
 * Bytes more than before, by the least of several looks: buffers are given back in the background, some time after they were
 * collected.
 * @param enough as few need no further look
 */
export async function heldSince(before: number, enough: number): Promise<number> {
  let least = inUse() - before
  for (let look = 0; look < 10 && least >= enough; look++) {
    await sleep(50)
    least = Math.min(least, inUse() - before)
  }
  return least
}
