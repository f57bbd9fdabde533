import { NoAnswer } from './no-answer.js'

/** Clocks differ; as OpenSSL allows for OCSP. Milliseconds. */
export const SKEW = 300_000
/** How long an answer counts that does not say when it ends. */
const WITHOUT_END = 86_400_000

export interface Validity {
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
}

/**
 * When an answer ends; milliseconds since the epoch.
 * @param maxAge how old it may be, beside what it says itself
 * @throws {NoAnswer} for one that is not in force now
 */
export function endOf(
  { thisUpdate, nextUpdate }: Validity,
  maxAge: number | undefined,
  now = Date.now(),
): number {
  if (thisUpdate > now + SKEW) throw new NoAnswer(`it begins on ${dateOf(thisUpdate)}`)
  const end = Math.min(
    nextUpdate ?? thisUpdate + (maxAge ?? WITHOUT_END),
    thisUpdate + (maxAge ?? Number.POSITIVE_INFINITY),
  )
  if (end + SKEW <= now) throw new NoAnswer(`it ended on ${dateOf(end)}`)
  return end
}

/** For people. */
export const dateOf = (time: number): string =>
  Number.isNaN(time) ? 'an unreadable date' : new Date(time).toISOString()
