const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `90s`, `15m`, `48h`, `7d`. @throws {Error} */
export function parseDuration(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  if (digits === undefined) throw new Error(`"${text}" is no duration: write 500ms, 30s, 15m, 48h or 7d`)
  return Number(digits) * (UNITS[unit] ?? Number.NaN)
}

/** `48h` for milliseconds, for people. */
export function durationText(ms: number): string {
  const [unit = 'ms', size = 1] =
    Object.entries(UNITS)
      .reverse()
      .find(([, size]) => Math.abs(ms) >= 2 * size) ?? []
  return `${Math.round(ms / size)}${unit}`
}

/** `<48h`, `>=2048`: one of `<`, `<=`, `>`, `>=` and a value. @throws {Error} */
export function parseComparison(text: string, parse: (value: string) => number): (value: number) => boolean {
  const [, operator = '', value = ''] = /^\s*(<=|>=|<|>)\s*(\S+)\s*$/.exec(text) ?? []
  const make = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
  if (make === undefined)
    throw new Error(`"${text}" is no comparison: write <VALUE, <=VALUE, >VALUE or >=VALUE`)
  return make(parse(value))
}

const OPERATORS: Readonly<Record<string, (bound: number) => (value: number) => boolean>> = {
  '<': bound => value => value < bound,
  '<=': bound => value => value <= bound,
  '>': bound => value => value > bound,
  '>=': bound => value => value >= bound,
}

/** @throws {Error} */
export function parseNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`"${text}" is no number`)
  return Number(text)
}
