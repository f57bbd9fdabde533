/**
 * Whether an acceptance has ended while a request or a tunnel waited. One that had ended before was given for it alone.
 * @param since when the wait began @param endsAt undefined: it has no end. Both in milliseconds since the epoch
 */
export const hasEndedSince = (since: number, endsAt: number | undefined): boolean =>
  endsAt !== undefined && since < endsAt && endsAt <= Date.now()
