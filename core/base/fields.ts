/**
 * Header fields as flat lists: names and values in turn, in the order and the case in which they were received, repeated
 * fields included. Each character is one byte.
 */

const NONE: readonly string[] = []

/** The value of the first field of this name; undefined where there is none. @param name in lower case */
export function fieldValue(flat: readonly string[], name: string): string | undefined {
  for (let i = 0; i < flat.length; i += 2) if (isNamed(flat[i], name)) return flat[i + 1] ?? ''
  return undefined
}

/** The values of all fields of this name. @param name in lower case */
export function fieldValues(flat: readonly string[], name: string): readonly string[] {
  let found: string[] | undefined
  for (let i = 0; i < flat.length; i += 2) {
    if (!isNamed(flat[i], name)) continue
    found ??= []
    found.push(flat[i + 1] ?? '')
  }
  return found ?? NONE
}

/** The length is compared first, because most fields have another one. */
const isNamed = (field: string | undefined, name: string): boolean =>
  field?.length === name.length && field.toLowerCase() === name

export function fieldEntries(flat: readonly string[]): (readonly [name: string, value: string])[] {
  const out: (readonly [string, string])[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) out.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return out
}

/** The fields as lines of a message head. */
export function fieldLines(flat: readonly string[]): string {
  let lines = ''
  for (let i = 0; i + 1 < flat.length; i += 2) lines += `${flat[i]}: ${flat[i + 1]}\r\n`
  return lines
}

/** The elements of a comma-separated list, in lower case. */
export const listTokens = (value: string): string[] =>
  value.split(',').map(token => token.trim().toLowerCase())
