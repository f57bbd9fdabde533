/** When a log file is rolled and what it is called then, by the rules of Traffic Server. */

/** 0 never, 1 at times, 2 by size, 3 at times or by size, 4 at times if it has the size as well. */
export type RollingMode = 0 | 1 | 2 | 3 | 4

export interface Rolling {
  readonly mode: RollingMode
  /** Milliseconds between two times, which are counted from the offset in each day. */
  readonly interval: number
  /** The hour of the day. */
  readonly offsetHour: number
  readonly bytes: number
  readonly allowsEmpty: boolean
  readonly retention: Retention
}

/** Which rolled files are deleted, the oldest first. */
export interface Retention {
  /** How many of a log are kept at most; 0 for any number. */
  readonly maxCount: number
  /** How many are kept even where space is short. */
  readonly minCount: number
  /** Bytes that all rolled files of a log may take; undefined where none is deleted for space. */
  readonly maxBytes: number | undefined
}

const DAY = 86_400_000

export const rollsAtTimes = (mode: RollingMode): boolean => mode === 1 || mode === 3 || mode === 4

/** The next moment at which a file is rolled: local time, a day begins anew at the offset. */
export function nextRoll(
  { interval, offsetHour }: Pick<Rolling, 'interval' | 'offsetHour'>,
  now: number,
): number {
  const time = new Date(now)
  const sinceMidnight =
    ((time.getHours() * 60 + time.getMinutes()) * 60 + time.getSeconds()) * 1000 + time.getMilliseconds()
  const sinceOffset = (sinceMidnight - offsetHour * 3_600_000 + DAY) % DAY
  return now + Math.min(interval - (sinceOffset % interval), DAY - sinceOffset)
}

/**
 * @param isTime one of the times has come since the file was begun
 * @param size of the file, in bytes
 */
export function isDue({ mode, bytes, allowsEmpty }: Rolling, isTime: boolean, size: number): boolean {
  if (size === 0 && !allowsEmpty) return false
  const isLarge = size >= bytes
  switch (mode) {
    case 0:
      return false
    case 1:
      return isTime
    case 2:
      return isLarge
    case 3:
      return isTime || isLarge
    case 4:
      return isTime && isLarge
  }
}

/** `access.log_host.20261129.00h00m00s-20261130.00h00m00s.old`, as Traffic Server calls it. */
export const rolledName = (path: string, host: string, begun: number, ended: number): string =>
  `${path}_${host}.${stamp(begun)}-${stamp(ended)}.old`

const two = (n: number): string => String(n).padStart(2, '0')

function stamp(moment: number): string {
  const time = new Date(moment)
  const day = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`
  return `${day}.${two(time.getHours())}h${two(time.getMinutes())}m${two(time.getSeconds())}s`
}

/** Any name that {@link rolledName} gives, also with a number behind it. */
export const ROLLED = /_[^/]*\.\d{8}\.\d\dh\d\dm\d\ds-\d{8}\.\d\dh\d\dm\d\ds\.old(?:\.\d+)?$/
