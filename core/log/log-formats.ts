import { safeUrl } from '../base/authority.js'
import { fieldValue } from '../base/fields.js'
import type { LogLayout, LogPiece, LogSymbol } from '../config/log-format.js'
import { LOG_FIELDS, type LogEntry } from './log-fields.js'
import { certificateOf } from './origin-certificate.js'

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
    ? ({ summary }) => shown(fieldValue(summary.req?.rawHeaders ?? [], name), UNSAFE_OR_BLANK)
    : ({ summary }) => shown(fieldValue(summary.response?.headers ?? [], name), UNSAFE_OR_BLANK)
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

/** Longer request-targets are cut. */
const MAX_URL = 8192

/** An entry as a JSON object on one line. Fields are always there, `null` where there is nothing to say. */
function jsonLine({ summary, startedAt, user, groups, sent, remedy }: LogEntry): string {
  const { req, method, url, status, bytesUp, bytesDown, milliseconds, error, channel, response } = summary
  const certificate = certificateOf(summary)
  const address = channel?.link.remoteAddress ?? summary.tunnel?.address
  const text = JSON.stringify({
    time: new Date(startedAt).toISOString(),
    client: summary.clientAddress ?? null,
    user: user ?? null,
    groups,
    method: method === '' ? null : method,
    url: url === '' ? null : safeUrl(url).slice(0, MAX_URL),
    sni: summary.sni ?? null,
    version: req?.httpVersion ?? null,
    status,
    ms: Math.round(milliseconds),
    bytes: { up: bytesUp, down: bytesDown, sent },
    error:
      error === undefined
        ? null
        : { code: error.code, side: error.side, message: error.message, remedy: remedy() ?? null },
    origin:
      address === undefined
        ? null
        : {
            address,
            status: response?.status ?? null,
            reused: summary.isReused,
            tls: channel?.peer?.evidence.protocol ?? null,
            cipher: channel?.peer?.evidence.cipher ?? null,
          },
    certificate:
      certificate === undefined
        ? null
        : {
            subject: certificate.subject ?? null,
            issuer: certificate.issuer ?? null,
            sha256: certificate.sha256 ?? null,
            verdict: certificate.verdict,
            by: certificate.by,
            x509: certificate.x509 ?? null,
            parked_ms: certificate.parked,
          },
  })
  return text.replace(UNSEEN, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Valid in JSON, and yet a control character or a line end for some programs. */
const UNSEEN = /[\u007f-\u009f\u2028\u2029]/g
