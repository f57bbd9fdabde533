export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export type Day = (typeof DAYS)[number]

/** Times of the day and days of the week, on the clock of one place. */
export interface Times {
  readonly holds: (now: Date) => boolean
  /** Milliseconds until `holds` may answer otherwise; too short where clocks are put back meanwhile. */
  readonly next: (now: Date) => number
}

const MINUTE = 60_000
const DAY = 24 * 60

/**
 * @param spans `08:00-18:00`; one that ends before it begins goes over midnight, and belongs to the day of its beginning
 * @param days empty for all
 * @param zone an IANA name; undefined for the proxy's own
 * @throws {Error}
 */
export function parseTimes(spans: readonly string[], days: readonly Day[], zone: string | undefined): Times {
  const ranges = spans.length === 0 ? [{ from: 0, to: DAY }] : spans.map(parseSpan)
  const clock = openClock(zone)
  const isOn = (day: number): boolean => days.length === 0 || days.includes(DAYS[(day + 7) % 7] ?? 'sun')
  return {
    holds: now => {
      const { day, minute } = clock(now)
      return ranges.some(({ from, to }) => {
        if (from < to) return isOn(day) && minute >= from && minute < to
        return (isOn(day) && minute >= from) || (isOn(day - 1) && minute < to)
      })
    },
    next: now => {
      const { minute } = clock(now)
      const ends = [...ranges.flatMap(({ from, to }) => [from, to]), DAY]
      const wait = Math.min(...ends.map(end => (end - minute + DAY) % DAY || DAY))
      return wait * MINUTE - (now.getTime() % MINUTE)
    },
  }
}

function parseSpan(text: string): { readonly from: number; readonly to: number } {
  const [, ...parts] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text) ?? []
  const [fromHour = -1, fromMinute = 0, toHour = -1, toMinute = 0] = parts.map(Number)
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute]
  const isTime = from >= 0 && from < DAY && to >= 0 && to <= DAY && from !== to
  if (!isTime || fromMinute > 59 || toMinute > 59)
    throw new Error(`"${text}" is no time of the day: write 08:00-18:00`)
  return { from, to }
}

function openClock(
  zone: string | undefined,
): (now: Date) => { readonly day: number; readonly minute: number } {
  if (zone === undefined)
    return now => ({ day: now.getDay(), minute: now.getHours() * 60 + now.getMinutes() })
  let format: Intl.DateTimeFormat
  try {
    const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...parts })
  } catch {
    throw new Error(`"${zone}" is no time zone: write a name such as Europe/Berlin`)
  }
  return now => {
    const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]))
    const day = DAYS.indexOf((parts['weekday'] ?? '').toLowerCase() as Day)
    return { day, minute: Number(parts['hour']) * 60 + Number(parts['minute']) }
  }
}
