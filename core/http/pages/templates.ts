import { type ErrorCode, ProxyError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import { escapeHtml } from '../../base/text.js'
import { asRows } from './error-page.js'
import type { ErrorDetails, Told } from './told.js'

/** A template as its file has it. */
interface TemplateText {
  readonly name: string
  readonly file: string
  readonly text: string
}

/** What a template is filled in with. */
interface PageFacts {
  readonly told: Told
  readonly reason: string
}

type Field = (facts: PageFacts) => string | number | undefined

/** What clients are shown of errors. */
export interface Pages {
  readonly details: ErrorDetails
  /** The operator's page; undefined where there is no template, which leaves the built-in page. */
  html(facts: PageFacts): string | undefined
}

export const builtInPages = (details: ErrorDetails): Pages => ({ details, html: () => undefined })

export const NO_PAGES = builtInPages('full')

/** What `%<name>` stands for; etc/body_factory/README.md explains them. Every value is escaped, `details` in its parts. */
export const PAGE_FIELDS = {
  status: ({ told }) => told.status,
  reason: ({ reason }) => reason,
  code: ({ told }) => told.code,
  side: ({ told }) => told.side,
  message: ({ told }) => told.message,
  remedy: ({ told }) => told.advice.client,
  host: ({ told }) => told.host,
  by: ({ told }) => told.rejection?.by,
  plugin: ({ told }) => told.rejection?.plugin,
  verdict_reason: ({ told }) => told.rejection?.reason,
  x509: ({ told }) => told.rejection?.name,
  x509_code: ({ told }) => told.rejection?.code,
  detail: ({ told }) => told.rejection?.detail,
  details: ({ told }) => asRows(told),
  time: () => new Date().toUTCString(),
} as const satisfies Record<string, Field>

type FieldName = keyof typeof PAGE_FIELDS

const REJECTED = 'connect#cert_rejected'

/** Which template an error is shown with; what is not listed has `default`. */
const TEMPLATE_OF: { readonly [C in ErrorCode]?: string } = {
  PTC_CLIENT_DENIED: 'access#denied',
  PTC_CLIENT_CERTIFICATE: 'access#denied',
  PTC_LOGIN_ENDED: 'access#denied',
  PTC_REQUEST_DENIED: 'access#denied',
  PTC_ORIGIN_DENIED: 'access#denied',
  PTC_PROXY_AUTH_REQUIRED: 'access#proxy_auth_required',
  PTC_DNS_FAILED: 'connect#dns_failed',
  PTC_DNS_TIMEOUT: 'connect#dns_failed',
  PTC_CONNECT_REFUSED: 'connect#failed_connect',
  PTC_CONNECT_UNREACHABLE: 'connect#failed_connect',
  PTC_HANDSHAKE_FAILED: 'connect#failed_connect',
  PTC_HANDSHAKE_ALERT: 'connect#failed_connect',
  PTC_HANDSHAKE_CLOSED: 'connect#failed_connect',
  PTC_ORIGIN_CLOSED: 'connect#hangup',
  PTC_VERIFY_REJECTED: REJECTED,
  PTC_VERIFY_POSTPONED: REJECTED,
  PTC_VERIFY_TIMEOUT: REJECTED,
  PTC_VERIFY_PLUGIN_FAILED: REJECTED,
  PTC_REQUEST_MALFORMED: 'request#syntax_error',
  PTC_REQUEST_TARGET: 'request#syntax_error',
  PTC_CONNECT_TARGET: 'request#syntax_error',
  PTC_REQUEST_SCHEME: 'request#scheme_unsupported',
  PTC_LOOP_DETECTED: 'request#cycle_detected',
  PTC_RESPONSE_MALFORMED: 'response#bad_response',
  PTC_REQUEST_TIMEOUT: 'timeout#inactivity',
  PTC_CONNECT_TIMEOUT: 'timeout#inactivity',
  PTC_HANDSHAKE_TIMEOUT: 'timeout#inactivity',
  PTC_ORIGIN_TIMEOUT: 'timeout#inactivity',
  PTC_ACTIVE_TIMEOUT: 'timeout#activity',
}

export const TEMPLATE_NAMES: readonly string[] = [...new Set(['default', ...Object.values(TEMPLATE_OF)])]

/** @throws {ProxyError} PTC_TEMPLATE_INVALID, which names every file and line that is wrong */
export function compilePages(templates: readonly TemplateText[], details: ErrorDetails = 'full'): Pages {
  const wrong = templates.flatMap(complaints)
  if (wrong.length > 0) throw new ProxyError('PTC_TEMPLATE_INVALID', wrong.join('\n  '))
  const byName = new Map(templates.map(({ name, text }) => [name, text]))
  return {
    details,
    html: facts => {
      const { code } = facts.told
      const named = code === undefined ? undefined : TEMPLATE_OF[code]
      const text = byName.get(named ?? '') ?? byName.get('default')
      return text?.replace(PLACEHOLDER, (_, name: FieldName) => fill(name, facts))
    },
  }
}

const PLACEHOLDER = /%<([^>]*)>/g

function complaints({ name, file, text }: TemplateText): readonly string[] {
  if (!TEMPLATE_NAMES.includes(name)) {
    const near = didYouMean(name, TEMPLATE_NAMES)
    return [
      `${file}: no error is shown with this template; the names are ${TEMPLATE_NAMES.join(', ')}${near}`,
    ]
  }
  return text
    .split('\n')
    .flatMap((line, i) =>
      [...line.matchAll(PLACEHOLDER)]
        .filter(([, field = '']) => !Object.hasOwn(PAGE_FIELDS, field))
        .map(
          ([whole, field = '']) =>
            `${file}:${i + 1}: there is no ${whole}${didYouMean(field, Object.keys(PAGE_FIELDS))}`,
        ),
    )
}

function fill(name: FieldName, facts: PageFacts): string {
  const value = PAGE_FIELDS[name](facts)
  return name === 'details' ? String(value) : escapeHtml(String(value ?? ''))
}
