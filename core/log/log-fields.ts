// Longer than 100 lines because it is the table of all fields of the access log, one row each.
import { safeUrl } from '../base/authority.js'
import type { ErrorCode } from '../base/errors.js'
import { fieldValue } from '../base/fields.js'
import type { LogSymbol } from '../config/log-format.js'
import type { ClientRequest } from '../http/listener/client-request.js'
import type { Summary } from '../http/transaction/summary.js'
import { hostOf, requestLength, responseLength } from './lengths.js'
import { certificateOf } from './origin-certificate.js'

export interface LogField {
  /** For operators. */
  readonly about: string
  /** Undefined is written as `-`. */
  readonly read: (entry: LogEntry) => string | number | undefined
}

/** The fields of a format. */
export const LOG_FIELDS: Readonly<Record<LogSymbol, LogField>> = {
  cqtq: {
    about: 'when the request came, in seconds since 1970 with milliseconds',
    read: ({ startedAt }) => (startedAt / 1000).toFixed(3),
  },
  cqts: {
    about: 'when the request came, in seconds since 1970',
    read: ({ startedAt }) => Math.floor(startedAt / 1000),
  },
  cqtn: {
    about: 'when the request came: 22/Nov/2026:05:37:11 +0000',
    read: ({ startedAt }) => commonTime(startedAt),
  },
  ttms: {
    about: 'how long it took, in milliseconds',
    read: ({ summary }) => Math.round(summary.milliseconds),
  },
  tts: {
    about: 'how long it took, in seconds',
    read: ({ summary }) => Math.round(summary.milliseconds / 1000),
  },
  chi: { about: "the client's address", read: ({ summary }) => summary.clientAddress },
  chp: { about: "the client's port", read: ({ summary }) => summary.req?.client.remotePort },
  caun: { about: 'the name under which the client was admitted', read: ({ user }) => user },
  caug: {
    about:
      'the groups of that name, with commas between them; a comma in a name is %2C. Not in Traffic Server',
    read: ({ groups }) => groups.map(group => group.replaceAll(',', '%2C')).join(','),
  },
  cqhm: { about: "the request's method", read: ({ summary }) => summary.method },
  cquc: {
    about: 'the URL, without name and password: the request-target; inside a bumped CONNECT, the full URL',
    read: ({ summary }) => safeUrl(summary.url),
  },
  cqtx: {
    about: 'method, URL and version',
    read: ({ summary: { req, method, url } }) =>
      req === undefined ? undefined : `${method} ${safeUrl(url)} HTTP/${req.httpVersion}`,
  },
  cqhv: {
    about: "the request's version",
    read: ({ summary: { req } }) => (req === undefined ? undefined : `HTTP/${req.httpVersion}`),
  },
  cqhl: { about: "bytes of the request's head", read: ({ summary: { req } }) => lengthOf(req) },
  cqcl: { about: "bytes of the request's body", read: ({ summary }) => summary.bytesUp },
  cqql: {
    about: 'bytes of the request',
    read: ({ summary }) => (lengthOf(summary.req) ?? 0) + summary.bytesUp,
  },
  crc: {
    about: 'how it ended, as a result code of Squid',
    read: ({ summary }) => outcome(summary),
  },
  pssc: {
    about: 'the status of the answer to the client; 000 if the client left before',
    read: ({ summary }) => String(summary.status).padStart(3, '0'),
  },
  psql: { about: 'bytes sent to the client', read: ({ sent }) => sent },
  pshl: {
    about: 'bytes of the answer without its body; framing counts',
    read: ({ sent, summary }) => Math.max(0, sent - summary.bytesDown),
  },
  pscl: { about: "bytes of the answer's body", read: ({ summary }) => summary.bytesDown },
  psct: {
    about: "the answer's media type",
    read: ({ summary: { response } }) =>
      fieldValue(response?.headers ?? [], 'content-type')
        ?.split(';', 1)[0]
        ?.trim(),
  },
  pqhl: {
    about: 'bytes of the head sent to the origin',
    read: ({ summary: { sent } }) => sent && requestLength(sent),
  },
  pqcl: {
    about: 'bytes of the body sent to the origin',
    read: ({ summary: { sent, bytesUp } }) => (sent === undefined ? undefined : bytesUp),
  },
  sssc: { about: "the origin's status", read: ({ summary: { response } }) => response?.status },
  sshl: {
    about: "bytes of the head of the origin's response",
    read: ({ summary: { response } }) => response && responseLength(response),
  },
  sscl: {
    about: "bytes of the body of the origin's response",
    read: ({ summary: { response, bytesDown } }) => (response === undefined ? undefined : bytesDown),
  },
  phr: {
    about: 'DIRECT if an origin was asked, NONE otherwise',
    read: ({ summary }) =>
      summary.channel === undefined && summary.tunnel === undefined ? 'NONE' : 'DIRECT',
  },
  cssn: {
    about: "the name that the client announced in a tunnel's TLS",
    read: ({ summary: { sni } }) => sni?.replace(/[^\x21-\x7e]/g, '?'),
  },
  shn: {
    about: "the origin's name; of a tunnel, the one that the client asked for in it",
    read: ({ summary }) => logHost(summary),
  },
  shi: {
    about: "the origin's address and port",
    read: ({ summary: { channel, tunnel } }) => channel?.link.remoteAddress ?? tunnel?.address,
  },
  cfsc: {
    about: 'FIN if the client stayed to the end, INTR otherwise',
    read: ({ summary: { error } }) => (error?.code === 'PTC_CLIENT_GONE' ? 'INTR' : 'FIN'),
  },
  pfsc: {
    about: 'FIN if the answer was complete, INTR otherwise',
    read: ({ summary: { error, response } }) =>
      error !== undefined && response !== undefined ? 'INTR' : 'FIN',
  },
  pqssl: {
    about: '1 if the connection to the origin was encrypted, 0 otherwise',
    read: ({ summary: { channel } }) => (channel?.peer === undefined ? 0 : 1),
  },
  pqssv: {
    about: 'the version of TLS towards the origin',
    read: ({ summary: { channel } }) => channel?.peer?.evidence.protocol,
  },
  pqssc: {
    about: 'the cipher suite towards the origin',
    read: ({ summary: { channel } }) => channel?.peer?.evidence.cipher,
  },
  pqr: {
    about: '1 if the connection to the origin had served before, 0 otherwise (not in Traffic Server)',
    read: ({ summary: { isReused } }) => (isReused ? 1 : 0),
  },
  perr: {
    about: 'the code of docs/reference/errors.md, if something went wrong (not in Traffic Server)',
    read: ({ summary }) => summary.error?.code,
  },
  prem: {
    about: 'what the operator can do about it (not in Traffic Server)',
    read: ({ remedy }) => remedy(),
  },
  pscsub: {
    about: "the subject of the origin's certificate (this and the following: not in Traffic Server)",
    read: entry => certificateOf(entry.summary)?.subject,
  },
  psciss: { about: 'its issuer', read: entry => certificateOf(entry.summary)?.issuer },
  pscfp: { about: 'its SHA-256', read: entry => certificateOf(entry.summary)?.sha256 },
  pscver: {
    about: 'the verdict: accepted, rejected, postponed (a plugin decides later), or unverified',
    read: entry => certificateOf(entry.summary)?.verdict,
  },
  pscby: {
    about:
      'what decided: `plugins`, `built-in`, `nobody`, plugin:NAME, plugin-failed:NAME, deadline:NAME, operator:NAME',
    read: entry => certificateOf(entry.summary)?.by,
  },
  pscpark: {
    about: 'how long the handshake was parked for this request, in milliseconds',
    read: entry => certificateOf(entry.summary)?.parked,
  },
}

function lengthOf(req: ClientRequest | undefined): number | undefined {
  if (req === undefined) return undefined
  const { method = '', url = '', rawHeaders } = req
  return requestLength({ method, path: url, headers: rawHeaders, body: 'none' })
}

const OUTCOMES: { readonly [C in ErrorCode]?: string } = {
  PTC_CLIENT_GONE: 'ERR_CLIENT_ABORT',
  PTC_CLIENT_DENIED: 'ERR_PROXY_DENIED',
  PTC_CLIENT_REFUSED: 'ERR_PROXY_DENIED',
  PTC_CLIENT_HANDSHAKE: 'ERR_CLIENT_READ_ERROR',
  PTC_TUNNEL_NOT_TLS: 'ERR_INVALID_REQ',
  PTC_TUNNEL_ECH: 'ERR_PROXY_DENIED',
  PTC_REQUEST_DENIED: 'ERR_PROXY_DENIED',
  PTC_ORIGIN_DENIED: 'ERR_PROXY_DENIED',
  PTC_PLUGIN_REFUSED_REQUEST: 'ERR_PROXY_DENIED',
  PTC_PLUGIN_REFUSED_RESPONSE: 'ERR_PROXY_DENIED',
  PTC_PLUGIN_REFUSED_ORIGIN: 'ERR_PROXY_DENIED',
  PTC_PROXY_AUTH_REQUIRED: 'ERR_PROXY_DENIED',
  PTC_DNS_FAILED: 'ERR_DNS_FAIL',
  PTC_DNS_TIMEOUT: 'ERR_DNS_FAIL',
  PTC_REQUEST_TIMEOUT: 'ERR_READ_TIMEOUT',
  PTC_ORIGIN_TIMEOUT: 'ERR_READ_TIMEOUT',
  PTC_REQUEST_MALFORMED: 'ERR_INVALID_REQ',
  PTC_REQUEST_TARGET: 'ERR_INVALID_URL',
  PTC_REQUEST_SCHEME: 'ERR_UNSUPPORTED_URL',
  PTC_CONNECT_TARGET: 'ERR_INVALID_URL',
  PTC_REQUEST_HEADERS_TOO_LARGE: 'ERR_INVALID_REQ',
}

function outcome({ error, method, response, status }: Summary): string {
  const code = error?.code
  if (code === undefined) return method === 'CONNECT' ? 'TCP_TUNNEL' : 'TCP_MISS'
  const known = OUTCOMES[code]
  if (known !== undefined) return known
  // The client has the origin's status, and not the end of the answer.
  if (response !== undefined && response.status === status) return 'ERR_READ_ERROR'
  return /^PTC_(?:CONNECT|HANDSHAKE|VERIFY)_/.test(code) ? 'ERR_CONNECT_FAIL' : 'ERR_UNKNOWN'
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const two = (value: number): string => String(value).padStart(2, '0')

/** Local time, with its offset, as in the common log format. */
function commonTime(ms: number): string {
  const at = new Date(ms)
  const offset = -at.getTimezoneOffset()
  const size = Math.abs(offset)
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`
  const day = `${two(at.getDate())}/${MONTHS[at.getMonth()]}/${at.getFullYear()}`
  return `${day}:${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zone}`
}

/** The host that a request was for; undefined where none could be read. */
export const logHost = ({ tunnelHost, method, url }: Summary): string | undefined =>
  tunnelHost ?? hostOf(method, url)

/** One line of the access log, before it has a format. */
export interface LogEntry {
  readonly summary: Summary
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly user: string | undefined
  readonly groups: readonly string[]
  /** Bytes that the client was sent, head and framing included. */
  readonly sent: number
  /** What the operator can do about the error; undefined where there is none. */
  remedy(): string | undefined
}
