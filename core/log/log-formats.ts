import type { LogLayout, LogPiece, LogSymbol } from '../config/log-format.js'
import { jsonLine } from './json-line.js'
import { headerOf, LOG_FIELDS, type LogEntry } from './log-fields.js'

/** Makes a line of an entry: one line, whatever a client or an origin has put into its parts. */
export type LogFormat = (entry: LogEntry) => string

type Part = (entry: LogEntry) => string

export function logFormat(layout: LogLayout): LogFormat {
  if (layout === 'json') return jsonLine
  const parts = layout.map(partOf)
  return entry => {
    let line = ''
    for (const part of parts) line += part(entry)
    return line
  }
}

function partOf(piece: LogPiece): Part {
  if (typeof piece === 'string') return () => piece
  if ('symbol' in piece) {
    const { read } = LOG_FIELDS[piece.symbol]
    const unsafe = MANY_WORDS.has(piece.symbol) ? UNSAFE : UNSAFE_OR_BLANK
    return entry => shown(read(entry), unsafe)
  }
  const { name, container } = piece
  return container === 'cqh'
    ? ({ summary }) => shown(headerOf(summary.req?.rawHeaders, name), UNSAFE_OR_BLANK)
    : ({ summary }) => shown(headerOf(summary.response?.headers, name), UNSAFE_OR_BLANK)
}

/** These are made of several parts, which are joined by blanks; they stand in quotes or brackets. */
const MANY_WORDS: ReadonlySet<LogSymbol> = new Set(['cqtx', 'cqtn', 'pscsub', 'psciss'])

/** A request may be 128 KB long, which is too much for a line. */
const MAX_FIELD = 8192

function shown(value: string | number | undefined, unsafe: RegExp): string {
  if (typeof value === 'number') return String(value)
  if (value === undefined || value === '') return '-'
  const text = value.length > MAX_FIELD ? `${value.slice(0, MAX_FIELD)}...` : value
  return text.replace(unsafe, escaped)
}

/** All that could end a field or a line: blanks, quotes, control characters, and whatever is not ASCII. */
const UNSAFE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/gu
const UNSAFE_OR_BLANK = /[^\x21\x23-\x5b\x5d-\x7e]/gu

/** Header fields come with one character a byte, so they are written as bytes; all else as UTF-8. */
function escaped(c: string): string {
  const code = c.codePointAt(0) ?? 0
  if (code <= 0xff) return hex(code)
  return [...Buffer.from(c)].map(hex).join('')
}

const hex = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
