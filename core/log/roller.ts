import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { codeOf, describe } from '../base/thrown.js'
import { after } from '../base/timer.js'
import { isDue, nextRoll, type Retention, ROLLED, type Rolling, rolledName, rollsAtTimes } from './rolling.js'

/** setTimeout takes no more; and after a change of the clock a time is noticed within the hour. */
const LONGEST_WAIT = 3_600_000

/**
 * Gives a log file another name when it is due, and deletes what is rolled and too much. A file that is open keeps what is
 * written to it under the other name until it is opened anew, so no line is lost.
 *
 * Life: waiting -> stopped. Needs no end while the file lives; the timer keeps no process alive.
 */
export class Roller {
  readonly #path: string
  readonly #rolling: Rolling
  readonly #reopen: () => void
  readonly #onTrouble: (why: string) => void
  readonly #now: () => number
  /** An estimate from what was written. The file system is asked only when the file may be large enough. */
  #size: number
  #begun: number
  #nextAt: number
  #timer: NodeJS.Timeout | undefined

  /**
   * @param reopen opens the file anew under its name
   * @param onTrouble called with the reason why a file could not be rolled or deleted; the log goes on in the old one
   */
  constructor(
    path: string,
    rolling: Rolling,
    {
      reopen,
      onTrouble,
      now = Date.now,
    }: { reopen(): void; onTrouble(why: string): void; now?: () => number },
  ) {
    this.#path = path
    this.#rolling = rolling
    this.#reopen = reopen
    this.#onTrouble = onTrouble
    this.#now = now
    const { size, begun, lastWrite } = this.#look()
    this.#size = size
    this.#begun = begun
    // A rolling time may have passed while no proxy ran: the file is then rolled now.
    this.#nextAt = nextRoll(rolling, size > 0 || rolling.allowsEmpty ? lastWrite : now())
    this.#check()
    this.#deleteOld()
  }

  /** The file has grown by so many bytes. */
  wrote(bytes: number): void {
    this.#size += bytes
    const { mode, bytes: limit } = this.#rolling
    const mayBeDue = mode === 2 || mode === 3 || (mode === 4 && this.#now() >= this.#nextAt)
    if (mayBeDue && this.#size >= limit) this.#check()
  }

  /** The file has been opened anew, perhaps because another program has moved it away. */
  reopened(): void {
    const { size, begun } = this.#look()
    this.#size = size
    this.#begun = begun
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #check(): void {
    this.stop()
    const now = this.#now()
    const isTime = rollsAtTimes(this.#rolling.mode) && now >= this.#nextAt
    const { size, isThere } = this.#look()
    // Another program has moved the file away: later lines go to a new file.
    if (!isThere && this.#size > 0) this.#reopen()
    this.#size = size
    if (isDue(this.#rolling, isTime, this.#size)) this.#roll(now)
    else if (isTime && this.#rolling.mode !== 4) this.#nextAt = nextRoll(this.#rolling, now)
    // From then on mode 4 waits for the size alone.
    if (!rollsAtTimes(this.#rolling.mode) || now >= this.#nextAt) return
    const wait = Math.min(this.#nextAt - now, LONGEST_WAIT)
    this.#timer = after(
      wait,
      () => this.#check(),
      why => this.#onTrouble(describe(why)),
    ).unref()
  }

  #roll(now: number): void {
    try {
      renameSync(this.#path, this.#freeName(now))
    } catch (cause) {
      // Without the file another program has moved it away; then it only has to be opened anew.
      if (codeOf(cause) !== 'ENOENT') this.#onTrouble(`it cannot be rolled: ${describe(cause)}`)
    }
    this.#reopen()
    this.#size = 0
    this.#begun = now
    this.#nextAt = nextRoll(this.#rolling, now)
    this.#deleteOld()
  }

  #deleteOld(): void {
    try {
      deleteRolled(this.#path, this.#rolling.retention)
    } catch (cause) {
      this.#onTrouble(`old files cannot be deleted: ${describe(cause)}`)
    }
  }

  /** Two files of one second have different names; none is overwritten. */
  #freeName(now: number): string {
    const name = rolledName(this.#path, hostname(), this.#begun, now)
    for (let i = 0; ; i++) {
      const free = i === 0 ? name : `${name}.${i}`
      if (!existsSync(free)) return free
    }
  }

  #look(): {
    readonly isThere: boolean
    readonly size: number
    readonly begun: number
    readonly lastWrite: number
  } {
    const found = statSync(this.#path, { throwIfNoEntry: false })
    const now = this.#now()
    if (found?.isFile() !== true) return { isThere: found !== undefined, size: 0, begun: now, lastWrite: now }
    // Some file systems do not know when a file was made.
    const begun = found.birthtimeMs > 0 ? Math.min(found.birthtimeMs, found.mtimeMs) : found.mtimeMs
    return { isThere: true, size: found.size, begun, lastWrite: found.mtimeMs }
  }
}

/** Deletes the oldest rolled files of a log until the rest is within the limits. */
export function deleteRolled(path: string, { maxCount, minCount, maxBytes }: Retention): void {
  const files = readdirSync(dirname(path))
    .filter(name => name.startsWith(`${basename(path)}_`) && ROLLED.test(name.slice(basename(path).length)))
    .map(name => join(dirname(path), name))
    .map(file => ({ file, ...pick(file) }))
    .sort((a, b) => b.at - a.at)
  let sum = 0
  for (const [i, { file, size }] of files.entries()) {
    sum += size
    const isTooMany = maxCount > 0 && i >= maxCount
    const isTooMuch = maxBytes !== undefined && sum > maxBytes && i >= minCount
    if (isTooMany || isTooMuch) rmSync(file, { force: true })
  }
}

function pick(file: string): { readonly size: number; readonly at: number } {
  const found = statSync(file, { throwIfNoEntry: false })
  return { size: found?.size ?? 0, at: found?.mtimeMs ?? 0 }
}
