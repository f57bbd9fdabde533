import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http'
import type { ErrorCode, ProxyError } from '../../base/errors.js'
import { fieldLines } from '../../base/fields.js'
import { dateField } from '../../http1/messages.js'
import type { VerifiedPeer } from '../../tls/judge/verdict.js'
import type { ClientReply } from '../listener/client-reply.js'
import { LoginRequired } from '../listener/identity.js'
import { asHtml, asJson, asProblem, asText } from './error-page.js'
import { NO_PAGES, type Pages } from './templates.js'
import { type About, type Told, toldOf } from './told.js'

/** An answer of the proxy's own. */
export interface Reply {
  readonly status: number
  readonly reason: string
  /** Names and values in turn; length included. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** The connection ends after the reply: the next request cannot be told from the rest of this one. */
  readonly closes?: boolean
}

/** The page for an error: what happened, the code, the remedy; nothing of the request is reflected unescaped. */
export function errorReply(
  error: ProxyError,
  about: About,
  client: IncomingHttpHeaders,
  given: Pages | undefined,
): Reply {
  const pages = given ?? NO_PAGES
  const told = toldOf(error, about, pages.details)
  const { status, hold } = told
  const reason = STATUS_CODES[status] ?? 'Error'
  const format = formatFor(client.accept, client['user-agent'])
  const own = format === 'html' ? pages.html({ told, reason }) : undefined
  const body = Buffer.from(own ?? render(format, told, reason))
  const headers = [
    'Content-Type',
    CONTENT_TYPES[format],
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'",
    'X-Content-Type-Options',
    'nosniff',
    'Proxy-Status',
    proxyStatus(told),
  ]
  if (hold !== undefined) headers.push('Retry-After', String(hold.retryAfter))
  if (error instanceof LoginRequired)
    for (const challenge of error.challenges) headers.push('Proxy-Authenticate', challenge)
  return { status, reason, headers, body, closes: CLOSING.has(error.code) }
}

/** After these errors it is unknown where the next request begins. */
const CLOSING: ReadonlySet<ErrorCode> = new Set([
  'PTC_REQUEST_MALFORMED',
  'PTC_REQUEST_VERSION',
  'PTC_REQUEST_TARGET',
  'PTC_REQUEST_SCHEME',
  'PTC_REQUEST_TIMEOUT',
  'PTC_NOT_IMPLEMENTED',
])

/** Sends a reply to a request that has had no answer yet. */
export function sendReply(res: ClientReply, { status, reason, headers, body, closes }: Reply): void {
  if (closes && !res.isMultiplexed) res.closes = true
  res.sendAll(status, reason, headers, body)
}

/** A reply as bytes, for a connection on which no request is open; the connection ends after it. */
export function replyBytes(reply: Reply): Buffer {
  const fields = `${fieldLines(reply.headers)}${dateField()}Connection: close\r\n`
  const head = `HTTP/1.1 ${reply.status} ${reply.reason}\r\n${fields}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), reply.body])
}

/**
 * The field of RFC 9209. `details` is the code, and with `full` also the check, the plugin, the X509 code and the host of a
 * rejection.
 */
function proxyStatus({ type, hold, code, message, rejection: r, remedy }: Told): string {
  const parts =
    r === undefined ? '' : ` by=${r.by} plugin=${r.plugin ?? '-'} x509=${r.name}/${r.code} host=${r.host}`
  const text = remedy === undefined ? code : `${code}${parts}: ${message}`
  const details = text === undefined ? '' : `; details="${sfString(text)}"`
  return `portcullis; error=${type}${hold === undefined ? '' : `; hold=${hold.id}`}${details}`
}

/**
 * The Proxy-Status of a response from an origin that was accepted although its built-in check failed. It names the failed
 * checks. They show the operator's policy, so it is undefined unless clients get all details.
 */
export function toleratedStatus(
  { evidence: { host }, tolerated }: VerifiedPeer,
  { details }: Pages = NO_PAGES,
): string | undefined {
  if (details !== 'full') return undefined
  const failed = tolerated.map(({ name, code, depth }) => `x509=${name}/${code} depth=${depth}`).join(' ')
  return `portcullis; details="${sfString(`accepted although by=built-in ${failed} host=${host}`)}"`
}

function render(format: Format, told: Told, reason: string): string {
  if (format === 'json') return asJson(told)
  if (format === 'problem') return asProblem(told, reason)
  const title = `${told.status} ${reason}`
  return format === 'text' ? asText(told, title) : asHtml(told, title)
}

/** RFC 8941 section 3.3.3: printable ASCII, quote and backslash escaped. Bounded, because it is a header field. */
function sfString(text: string): string {
  return text
    .slice(0, 500)
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, c => `\\${c}`)
}

type Format = 'html' | 'json' | 'problem' | 'text'

const CONTENT_TYPES = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  problem: 'application/problem+json',
  text: 'text/plain; charset=utf-8',
} as const satisfies Record<Format, string>

/**
 * What the client prefers (RFC 9110 section 12.5.1): of equal weights what stands first. Where it names none of ours:
 * text for clients in a terminal, HTML for all others.
 */
function formatFor(accept: string | undefined, userAgent: string | undefined): Format {
  let best: Format | undefined
  let bestWeight = 0
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim())
    const format = formatOf(type)
    const weight = weightOf(parameters)
    if (format === undefined || weight <= bestWeight) continue
    best = format
    bestWeight = weight
  }
  return best ?? (/^(?:curl|wget)\//i.test(userAgent ?? '') ? 'text' : 'html')
}

function formatOf(type: string): Format | undefined {
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  if (type === 'application/problem+json') return 'problem'
  if (/^application\/(?:[a-z0-9.+-]*\+)?json$/.test(type)) return 'json'
  return type === 'text/plain' ? 'text' : undefined
}

/** An unreadable weight counts as 1, as a missing one does. */
function weightOf(parameters: readonly string[]): number {
  const text = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
  return text !== undefined && /^(?:0|1)(?:\.\d{0,3})?$/.test(text) ? Number(text) : 1
}
