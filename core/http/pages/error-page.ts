import { escapeHtml } from '../../base/text.js'
import type { Rejection } from '../../tls/judge/verdict.js'
import type { Refusal } from '../../wait/refusal.js'
import type { Told } from './told.js'

/** The facts of an error as rows of a table, in the order in which they matter. */
function facts({ host, rejection, refusal, hold, code, advice }: Told): (readonly [string, string])[] {
  const { client, operator } = advice
  const rows: [string, string][] = []
  if (host !== undefined) rows.push(['Host', host])
  if (rejection !== undefined) rows.push(...rejectionRows(rejection))
  else if (hold !== undefined) rows.push(['Hold', hold.id])
  if (refusal !== undefined) rows.push(...refusalRows(refusal))
  if (code !== undefined) rows.push(['Code', code])
  rows.push(['What to do', client])
  if (operator !== client) rows.push(['For the operator', operator])
  return rows
}

function rejectionRows(r: Rejection): [string, string][] {
  const rows: [string, string][] = [[r.hold === undefined ? 'Rejected by' : 'Held by', BY[r.by]]]
  if (r.plugin !== undefined) rows.push(['Plugin', r.plugin])
  if (r.hold !== undefined) rows.push(['Hold', r.hold.id])
  else rows.push(['Reason', r.reason], ['X509 code', `${r.name} (${r.code})`])
  if (r.detail !== '') rows.push(['Detail', r.detail])
  return rows
}

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

export function asText(told: Told, title: string): string {
  const rows = facts(told).map(([name, value]) => `${name}: ${value}\n`)
  return `${title}\n\n${told.message}\n\n${rows.join('')}`
}

export function asJson(told: Told): string {
  const { code, status, message, side, remedy, about: host = null, rejection, refusal } = told
  const hold = told.hold?.id
  const advice = remedy === undefined ? { client: told.advice.client } : told.advice
  const body = { code, status, side, message, remedy, advice, host, hold, rejection: rejection ?? refusal }
  return `${JSON.stringify({ error: body, hold })}\n`
}

/** Problem details (RFC 9457). `type` and `title` depend on the code alone. */
export function asProblem(told: Told, reason: string): string {
  const { code, status, message, side, remedy, advice, about, rejection, refusal } = told
  const kind =
    code === undefined
      ? { type: 'about:blank', title: reason }
      : { type: `urn:portcullis:error:${code}`, title: titleOf(code) }
  const problem = {
    ...{ ...kind, status, detail: message, code, side, host: about, hold: told.hold?.id },
    advice: remedy === undefined ? { client: advice.client } : advice,
    rejection: rejection ?? refusal,
  }
  return `${JSON.stringify(problem)}\n`
}

/** `PTC_DNS_FAILED` is `DNS failed`. */
function titleOf(code: string): string {
  const words = code.replace(/^PTC_/, '').toLowerCase().replaceAll('_', ' ')
  const text = words.replace(/\b(?:dns|tls)\b/g, word => word.toUpperCase()).replace(/\bhttp2\b/, 'HTTP/2')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The facts as rows of an HTML table, escaped. */
export function asRows(told: Told): string {
  return facts(told)
    .map(([name, value]) => `<tr><th>${escapeHtml(name)}<td>${escapeHtml(value)}`)
    .join('\n')
}

export function asHtml(told: Told, title: string): string {
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
<p>${escapeHtml(told.message)}
<table>
${asRows(told)}
</table>
<footer>portcullis</footer>
</html>
`
}
