/** What is reported of several measurements of the same thing. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** @throws {RangeError} when there is nothing to report */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const [min, max] = [sorted.at(0), sorted.at(-1)]
  const middle = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  if (min === undefined || max === undefined || low === undefined || high === undefined)
    throw new RangeError('no values')
  return { median: (low + high) / 2, min, max }
}

/** `0.74 (0.70-0.81)` */
export function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`
}
