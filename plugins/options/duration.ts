const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads `500ms`, `20s`, `5m`, `1h`, `7d`.
 * @returns milliseconds
 * @throws {Error} that names the text
 */
export function readDuration(text: string, name: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Number(digits) * (UNITS[unit] ?? Number.NaN)
  if (ms > 0) return ms
  throw new Error(`${name}=${text}: write a number and its unit: 500ms, 20s, 5m, 1h or 7d`)
}
