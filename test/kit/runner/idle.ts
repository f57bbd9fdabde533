import { availableParallelism, cpus } from 'node:os'

/** Part of all processors that has nothing to do, from which another file may begin: an eighth of one of two. */
const ENOUGH = 0.0625
/** Files at a time, by processor. Beyond this number memory and open ports count, not time. */
const MOST = 4

/** How many files may run. */
export interface Room {
  /** So many run in any case: most tests wait for a while, and one more than there are processors keeps these busy. */
  readonly least: number
  /** And never more than this. */
  readonly most: number
  /** Whether the processors had time to spare since the last call. */
  isIdle(): boolean
}

/** Exactly so many files. */
export const roomFor = (jobs: number): Room => ({ least: jobs, most: jobs, isIdle: () => false })

interface Times {
  readonly idle: number
  readonly all: number
}

/** As many files as the processors bear, beside whatever else runs on the machine. */
export function roomOfMachine(processors = availableParallelism(), times: () => Times = timesNow): Room {
  let before = times()
  return {
    least: processors + 1,
    most: processors * MOST,
    isIdle: () => {
      const now = times()
      const idle = (now.idle - before.idle) / Math.max(1, now.all - before.all)
      before = now
      return idle >= ENOUGH
    },
  }
}

function timesNow(): Times {
  const all = cpus().map(({ times }) => times)
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    idle: sum(all.map(({ idle }) => idle)),
    all: sum(all.flatMap(({ user, nice, sys, idle, irq }) => [user, nice, sys, idle, irq])),
  }
}
