import { ProxyError } from '../base/errors.js'
import { jsonLine } from './json-line.js'
import type { LogEntry } from './log-entry.js'
import { headerOf, isLogSymbol, LOG_FIELDS } from './log-fields.js'

/** Makes a line of an entry: one line, whatever a client or an origin has put into its parts. */
export type LogFormat = (entry: LogEntry) => string

const COMMON = '%<chi> - %<caun> [%<cqtn>] "%<cqtx>" %<pssc> %<pscl>'
const EXTENDED = `${COMMON} %<sssc> %<sscl> %<cqcl> %<pqcl> %<cqhl> %<pshl> %<pqhl> %<sshl> %<tts>`

/** Traffic Server's formats, field by field. */
export const NAMED_FORMATS = {
  squid: '%<cqtq> %<ttms> %<chi> %<crc>/%<pssc> %<psql> %<cqhm> %<cquc> %<caun> %<phr>/%<shn> %<psct>',
  common: COMMON,
  extended: EXTENDED,
  extended2: `${EXTENDED} %<phr> %<cfsc> %<pfsc> %<crc>`,
} as const

/** What is put behind a named format, so that programs that know the format still read it. */
export const CERTIFICATE_FIELDS = ' "%<pscsub>" "%<psciss>" %<pscfp> %<pscver> %<pscby> %<pscpark> %<perr>'

type Piece = string | ((entry: LogEntry) => string | number | undefined)

/** Header fields that hold passwords are not for logs. */
const SECRET = /^(?:proxy-)?authorization$|^(?:set-)?cookie$/i

/**
 * A format by its name (`squid`, `common`, `extended`, `extended2`, `json`) or written out, with `%<field>` in it.
 * @param hasCertificate whether a named format is followed by the fields of the origin's certificate and the code of what
 *   went wrong; json always has them
 * @throws {ProxyError} PTC_RECORDS_INVALID
 */
export function logFormat(text: string, hasCertificate: boolean): LogFormat {
  if (text === 'json') return jsonLine
  const named = Object.hasOwn(NAMED_FORMATS, text)
    ? NAMED_FORMATS[text as keyof typeof NAMED_FORMATS]
    : undefined
  if (named === undefined) return render(compile(text))
  return render(compile(hasCertificate ? named + CERTIFICATE_FIELDS : named))
}

function compile(text: string): readonly Piece[] {
  const pieces: Piece[] = []
  let end = 0
  for (const match of text.matchAll(/%<([^>]*)>/g)) {
    pieces.push(text.slice(end, match.index), fieldPiece(match[1] ?? ''))
    end = match.index + match[0].length
  }
  if (pieces.length === 0) {
    const known = [...Object.keys(NAMED_FORMATS), 'json'].join(', ')
    throw badFormat(`"${text}" is neither a format (${known}) nor has it a field such as %<chi>`)
  }
  return [...pieces, text.slice(end)].filter(piece => piece !== '')
}

function fieldPiece(symbol: string): Piece {
  if (isLogSymbol(symbol)) return LOG_FIELDS[symbol].read
  const [, name = '', container] = /^\{([^}]+)\}(cqh|ssh)$/.exec(symbol) ?? []
  if (container === undefined)
    throw badFormat(`there is no field %<${symbol}>; docs/reference/log-fields.md has them all`)
  if (SECRET.test(name)) throw badFormat(`%<${symbol}> holds secrets, which are not logged`)
  const field = name.toLowerCase()
  return container === 'cqh'
    ? ({ summary }) => headerOf(summary.req?.rawHeaders, field)
    : ({ summary }) => headerOf(summary.response?.headers, field)
}

const badFormat = (what: string): ProxyError =>
  new ProxyError('PTC_RECORDS_INVALID', `proxy.config.log.format: ${what}`)

function render(pieces: readonly Piece[]): LogFormat {
  return entry => {
    let line = ''
    for (const piece of pieces) line += typeof piece === 'string' ? piece : shown(piece(entry), piece)
    return line
  }
}

/** These are made of several parts, which are joined by blanks; they stand in quotes or brackets. */
const MANY_WORDS: ReadonlySet<Piece> = new Set([
  LOG_FIELDS.cqtx.read,
  LOG_FIELDS.cqtn.read,
  LOG_FIELDS.pscsub.read,
  LOG_FIELDS.psciss.read,
])

/** A request may be 128 KB long; nobody wants it in a line. */
const MAX_FIELD = 8192

function shown(value: string | number | undefined, piece: Piece): string {
  if (typeof value === 'number') return String(value)
  if (value === undefined || value === '') return '-'
  const text = value.length > MAX_FIELD ? `${value.slice(0, MAX_FIELD)}...` : value
  return text.replace(MANY_WORDS.has(piece) ? UNSAFE : UNSAFE_OR_BLANK, escaped)
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
