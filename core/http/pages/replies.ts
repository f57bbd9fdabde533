import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http'
import { ERRORS } from '../../base/error-table.js'
import type { ErrorCode, ProxyError } from '../../base/errors.js'
import { fieldLines } from '../../base/fields.js'
import { dateField } from '../../http1/messages.js'
import type { VerifiedPeer } from '../../tls/judge/verdict.js'
import type { ClientReply } from '../listener/client-reply.js'
import { type About, asHtml, asJson, asText, rejectionOf } from './error-page.js'
import { NO_PAGES, type Pages } from './templates.js'

/** An answer of the proxy's own. */
export interface Reply {
  readonly status: number
  readonly reason: string
  /** Names and values in turn; length included. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** What the client sends behind the request would not be a request of its own for certain. */
  readonly closes?: boolean
}

type Format = 'html' | 'json' | 'text'

/** The page for an error: what happened, the code, the remedy; nothing of the request is reflected unescaped. */
export function errorReply(
  error: ProxyError,
  about: About,
  client: IncomingHttpHeaders = {},
  pages: Pages = NO_PAGES,
): Reply {
  const status = error.status === 0 || error.status === 499 ? 500 : error.status
  const reason = STATUS_CODES[status] ?? 'Error'
  const format = formatFor(client.accept, client['user-agent'])
  const own = format === 'html' ? pages.html({ error, about, status, reason }) : undefined
  const body = Buffer.from(own ?? render(format, error, `${status} ${reason}`, about))
  const headers = [
    'Content-Type',
    TYPES[format],
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'",
    'X-Content-Type-Options',
    'nosniff',
    'Proxy-Status',
    proxyStatus(error),
  ]
  const hold = rejectionOf(error)?.hold
  if (hold !== undefined) headers.push('Retry-After', String(hold.retryAfter))
  if (error.code === 'PTC_PROXY_AUTH_REQUIRED') headers.push('Proxy-Authenticate', CHALLENGE)
  return { status, reason, headers, body, closes: CLOSING.has(error.code) }
}

/** After these errors the begin of the next request is unknown. */
const CLOSING: ReadonlySet<ErrorCode> = new Set([
  'PTC_REQUEST_MALFORMED',
  'PTC_REQUEST_VERSION',
  'PTC_REQUEST_TARGET',
  'PTC_REQUEST_SCHEME',
  'PTC_REQUEST_TIMEOUT',
  'PTC_NOT_IMPLEMENTED',
])

/** Sends a reply where nothing has been sent. */
export function sendReply(res: ClientReply, { status, reason, headers, body, closes }: Reply): void {
  if (closes && !res.isMultiplexed) res.closes = true
  res.sendAll(status, reason, headers, body)
}

/** A reply as bytes, where there is no request to answer any more; the connection ends after it. */
export function replyBytes(reply: Reply): Buffer {
  const fields = `${fieldLines(reply.headers)}${dateField()}Connection: close\r\n`
  const head = `HTTP/1.1 ${reply.status} ${reply.reason}\r\n${fields}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), reply.body])
}

/** The field of RFC 9209. `details` names the check, the plugin, the X509 code and the host of a rejection. */
export function proxyStatus(error: ProxyError): string {
  const type = ERRORS[error.code].proxyStatus || 'proxy_internal_error'
  const r = rejectionOf(error)
  const parts =
    r === undefined ? '' : ` by=${r.by} plugin=${r.plugin ?? '-'} x509=${r.name}/${r.code} host=${r.host}`
  const hold = r?.hold === undefined ? '' : `; hold=${r.hold.id}`
  return `portcullis; error=${type}${hold}; details="${sfString(`${error.code}${parts}: ${error.message}`)}"`
}

/** What a response is told to have come by: an origin whose failed built-in check did not bind. */
export function toleratedStatus({ evidence: { host }, tolerated }: VerifiedPeer): string {
  const failed = tolerated.map(({ name, code, depth }) => `x509=${name}/${code} depth=${depth}`).join(' ')
  return `portcullis; details="${sfString(`accepted although by=built-in ${failed} host=${host}`)}"`
}

/** RFC 7617 section 2.1: names and passwords are UTF-8. */
const CHALLENGE = 'Basic realm="portcullis", charset="UTF-8"'

const TYPES = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
} as const satisfies Record<Format, string>

function render(format: Format, error: ProxyError, title: string, about: About): string {
  if (format === 'json') return asJson(error, about)
  return format === 'text' ? asText(error, title, about) : asHtml(error, title, about)
}

/** JSON for clients that ask for it, text for clients in a terminal, HTML for all others. */
function formatFor(accept: string | undefined, userAgent: string | undefined): Format {
  const asked = (accept ?? '').toLowerCase()
  const html = asked.search(/text\/html|application\/xhtml/)
  const json = asked.search(/application\/(?:[a-z0-9.+-]*\+)?json/)
  if (json !== -1 && (html === -1 || json < html)) return 'json'
  if (html !== -1) return 'html'
  return asked.startsWith('text/plain') || /^(?:curl|wget)\//i.test(userAgent ?? '') ? 'text' : 'html'
}

/** RFC 8941 section 3.3.3: printable ASCII, quote and backslash escaped. Bounded, because it is a header field. */
function sfString(text: string): string {
  return text
    .slice(0, 500)
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, c => `\\${c}`)
}
