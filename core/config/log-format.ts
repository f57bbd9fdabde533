/** The syntax of proxy.config.log.format. What its fields say is in `core/log`, which gives each of them its reader. */
import { didYouMean } from '../base/nearest.js'
import { quote } from './config-file.js'

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

/** The symbols that Traffic Server gives its fields; the last ones are ours. */
export const LOG_SYMBOLS = [
  'cqtq',
  'cqts',
  'cqtn',
  'ttms',
  'tts',
  'chi',
  'chp',
  'caun',
  'caug',
  'cqhm',
  'cquc',
  'cqtx',
  'cqhv',
  'cqhl',
  'cqcl',
  'cqql',
  'crc',
  'pssc',
  'psql',
  'pshl',
  'pscl',
  'psct',
  'pqhl',
  'pqcl',
  'sssc',
  'sshl',
  'sscl',
  'phr',
  'cssn',
  'shn',
  'shi',
  'cfsc',
  'pfsc',
  'pqssl',
  'pqssv',
  'pqssc',
  'pqr',
  'perr',
  'prem',
  'pscsub',
  'psciss',
  'pscfp',
  'pscver',
  'pscby',
  'pscpark',
] as const

export type LogSymbol = (typeof LOG_SYMBOLS)[number]

/** A part of a line: a text, a field, or a header field of the request (`cqh`) or the origin's response (`ssh`). */
export type LogPiece =
  | string
  | { readonly symbol: LogSymbol }
  | { readonly container: 'cqh' | 'ssh'; readonly name: string }

/** One object a line, or pieces. */
export type LogLayout = 'json' | readonly LogPiece[]

/** The layout of a text, and what is wrong with it. */
export interface LogFormatReading {
  readonly layout: LogLayout
  /** Whether the text is the name of a format that the fields of the origin's certificate may follow. */
  readonly isNamed: boolean
  readonly wrong: readonly string[]
}

const NAMES = [...Object.keys(NAMED_FORMATS), 'json']

/** Header fields that hold passwords are not for logs. */
const SECRET = /^(?:proxy-)?authorization$|^(?:set-)?cookie$/i

/**
 * Reads a format by its name (`squid`, `common`, `extended`, `extended2`, `json`) or written out, with `%<field>` in it.
 */
export function readLogFormat(text: string): LogFormatReading {
  if (text === 'json') return { layout: 'json', isNamed: false, wrong: [] }
  const isNamed = Object.hasOwn(NAMED_FORMATS, text)
  return { ...readPieces(isNamed ? NAMED_FORMATS[text as keyof typeof NAMED_FORMATS] : text), isNamed }
}

/**
 * @param hasCertificate whether a named format is followed by the fields of the origin's certificate and the code of what
 *   went wrong; json always has them
 */
export function layoutOf({ layout, isNamed }: LogFormatReading, hasCertificate: boolean): LogLayout {
  if (layout === 'json' || !isNamed || !hasCertificate) return layout
  return [...layout, ...readPieces(CERTIFICATE_FIELDS).layout]
}

function readPieces(text: string): {
  readonly layout: readonly LogPiece[]
  readonly wrong: readonly string[]
} {
  const layout: LogPiece[] = []
  const wrong: string[] = []
  let end = 0
  for (const match of text.matchAll(/%<((?:(?!%<)[^>])*)(>?)/g)) {
    const [whole, inside = '', closing] = match
    const piece = closing === '' ? `${quote(whole.trim())} is not closed; write >` : readField(inside)
    if (typeof piece === 'string') wrong.push(piece)
    else layout.push(text.slice(end, match.index), piece)
    end = match.index + whole.length
  }
  if (layout.length + wrong.length === 0) {
    const known = `${NAMES.join(', ')}, or a text with fields such as %<chi>`
    wrong.push(`${quote(text)} is no format; write ${known}${didYouMean(text, NAMES)}`)
  }
  return { layout: [...layout, text.slice(end)].filter(piece => piece !== ''), wrong }
}

/** What is wrong with it is a text. */
function readField(inside: string): Exclude<LogPiece, string> | string {
  const symbol = LOG_SYMBOLS.find(known => known === inside)
  if (symbol !== undefined) return { symbol }
  const [, name = '', container] = /^\{([^}]+)\}(cqh|ssh)$/.exec(inside) ?? []
  if (container !== 'cqh' && container !== 'ssh') {
    const help = didYouMean(inside, LOG_SYMBOLS) || '; docs/reference/log-fields.md has them all'
    return `there is no field ${quote(`%<${inside}>`)}${help}`
  }
  if (SECRET.test(name)) return `%<${inside}> holds secrets, which are not logged; remove it`
  return { container, name: name.toLowerCase() }
}
