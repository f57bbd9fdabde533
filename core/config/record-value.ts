import { quote } from './config-file.js'
import type { RecordRow, RecordValue } from './record-row.js'

/** A value as its text says it, or what is wrong with the text. */
export type ValueReading = { readonly value: RecordValue } | { readonly wrong: string }

/** Stands in errors for a value that may hold a password. */
export const SECRET_VALUE = 'the value (not shown, because it may hold a password)'

/** Traffic Server's suffixes are powers of 1024, in capitals, and do not follow a hexadecimal number. */
const MULTIPLIER = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const

const INTEGER = /^(?:(?<sign>-?)(?<digits>\d+)(?<suffix>[KMGT]?)|0x(?<hex>[\da-fA-F]+))$/
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Reads a value as Traffic Server does, but refuses what Traffic Server passes over: junk after a number, no number
 * at all, a number that a double cannot hold.
 */
export function readValue(
  { type, isSecret }: Pick<RecordRow, 'type' | 'isSecret'>,
  text: string,
): ValueReading {
  if (type === 'STRING') return readString(text, isSecret ? SECRET_VALUE : quote(text))
  return type === 'FLOAT' ? readFloat(text) : readInteger(text)
}

/** @param shown stands for the text in errors */
function readString(text: string, shown: string): ValueReading {
  if (text === '') return { wrong: 'the value is empty; write NULL to say that there is none' }
  if (/\p{Cc}/u.test(text.replaceAll('\t', ''))) return { wrong: `${shown} contains control characters` }
  return { value: text === 'NULL' ? null : text }
}

function readFloat(text: string): ValueReading {
  if (!FLOAT.test(text)) return { wrong: `${quote(text)} is not a number; write digits, such as 0.5` }
  const value = Number(text)
  return Number.isFinite(value) ? { value } : { wrong: `${text} is too large` }
}

function readInteger(text: string): ValueReading {
  const parts = INTEGER.exec(text)?.groups
  if (parts === undefined) return { wrong: `${quote(text)} is not a whole number${integerRemedy(text)}` }
  const { sign, digits, suffix, hex } = parts
  const size = hex === undefined ? Number(digits) * multiplierOf(suffix) : Number.parseInt(hex, 16)
  if (!Number.isSafeInteger(size)) return { wrong: `${quote(text)} is too large` }
  return { value: sign === '-' && size !== 0 ? -size : size }
}

function multiplierOf(suffix: string | undefined): number {
  return suffix === 'K' || suffix === 'M' || suffix === 'G' || suffix === 'T' ? MULTIPLIER[suffix] : 1
}

function integerRemedy(text: string): string {
  if (/^-?\d+\s+#/.test(text)) return '; put the comment on a line of its own'
  const capital = text.toUpperCase()
  return /^-?\d+[kmgt]$/.test(text) ? `; write ${capital}` : '; write digits, such as 30, 128K or 0x1f'
}

/** A value as a record line would say it; reading it again gives the same value. */
export function showValue(value: RecordValue): string {
  return value === null ? 'NULL' : String(value)
}

/** What a row accepts, in words that follow "it must be". */
export function describeDomain(row: RecordRow): string {
  const unit = row.unit === undefined ? '' : ` (${row.unit})`
  const orNull = row.nullable ? ', or NULL' : ''
  if (row.enum !== undefined) {
    const [only, ...more] = row.enum
    return more.length === 0 ? `${only}${orNull}` : `one of ${row.enum.join(', ')}${orNull}`
  }
  if (row.minimum !== undefined && row.maximum !== undefined)
    return `between ${row.minimum} and ${row.maximum}${unit}`
  return `${row.shape ?? (row.type === 'STRING' ? 'text' : 'a number')}${orNull}`
}
