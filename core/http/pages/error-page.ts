import { ERRORS } from '../../base/error-table.js'
import type { ProxyError } from '../../base/errors.js'
import { escapeHtml } from '../../base/html.js'
import { type Rejection, VerifyRejected } from '../../tls/judge/verdict.js'
import { PluginRefused, type Refusal } from '../../wait/refusal.js'
import { adviceFor } from './advice.js'

/** What an error page is about, as far as it is known. */
export interface About {
  /** Host, or host and port, that the request was for. */
  readonly host: string | undefined
}

/** The facts of an error as rows of a table, in the order in which they matter. */
function facts(error: ProxyError, about: About): (readonly [string, string])[] {
  const rows: [string, string][] = []
  const rejection = rejectionOf(error)
  const host = rejection?.host ?? about.host
  if (host !== undefined) rows.push(['Host', host])
  if (rejection !== undefined) rows.push(...rejectionRows(rejection))
  const refusal = refusalOf(error)
  if (refusal !== undefined) rows.push(...refusalRows(refusal))
  const { client, operator } = adviceFor(error, about.host)
  rows.push(['Code', error.code], ['What to do', client])
  if (operator !== client) rows.push(['For the operator', operator])
  return rows
}

export const rejectionOf = (error: ProxyError): Rejection | undefined =>
  error instanceof VerifyRejected ? error.rejection : undefined

function rejectionRows(r: Rejection): [string, string][] {
  const rows: [string, string][] = [[r.hold === undefined ? 'Rejected by' : 'Held by', BY[r.by]]]
  if (r.plugin !== undefined) rows.push(['Plugin', r.plugin])
  if (r.hold !== undefined) rows.push(['Hold', r.hold.id])
  else rows.push(['Reason', r.reason], ['X509 code', `${r.name} (${r.code})`])
  if (r.detail !== '') rows.push(['Detail', r.detail])
  return rows
}

const refusalOf = (error: ProxyError): Refusal | undefined =>
  error instanceof PluginRefused ? error.refusal : undefined

function refusalRows({ plugin, by, limit, reason, detail }: Refusal): [string, string][] {
  const rows: [string, string][] = [
    ['Rejected by', BY[by]],
    ['Plugin', plugin],
  ]
  if (limit !== undefined) rows.push(['Limit', limit])
  if (reason !== undefined) rows.push(['Reason', reason])
  if (detail !== undefined && detail !== '') rows.push(['Detail', detail])
  return rows
}

const BY = {
  'built-in': 'the built-in check',
  plugin: 'a plugin',
  'plugin-failed': 'a plugin that failed, which counts as a rejection',
  deadline: 'the deadline: no verdict came in time',
  operator: 'an operator, in place of the plugin',
  'no-check': 'the configuration, which leaves nobody to accept it',
} as const satisfies Record<Rejection['by'], string>

export function asText(error: ProxyError, title: string, about: About): string {
  const rows = facts(error, about).map(([name, value]) => `${name}: ${value}\n`)
  return `${title}\n\n${error.message}\n\n${rows.join('')}`
}

export function asJson(error: ProxyError, about: About): string {
  const { code, status, message, side } = error
  const { remedy } = ERRORS[code]
  const host = about.host ?? null
  const rejection = rejectionOf(error)
  const hold = rejection?.hold?.id
  const body = {
    code,
    status,
    side,
    message,
    remedy,
    advice: adviceFor(error, about.host),
    host,
    hold,
    rejection: rejection ?? refusalOf(error),
  }
  return `${JSON.stringify({ error: body, hold })}\n`
}

/** The facts as rows of an HTML table, escaped. */
export function asRows(error: ProxyError, about: About): string {
  return facts(error, about)
    .map(([name, value]) => `<tr><th>${escapeHtml(name)}<td>${escapeHtml(value)}`)
    .join('\n')
}

export function asHtml(error: ProxyError, title: string, about: About): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:4rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.4rem}th{text-align:left;vertical-align:top;padding-right:1.5rem;white-space:nowrap;font-weight:600}
td{overflow-wrap:anywhere}footer{margin-top:2rem;color:#666}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}
</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(error.message)}
<table>
${asRows(error, about)}
</table>
<footer>portcullis</footer>
</html>
`
}
