/** The page behind a link that answers one question: it shows the question, and a form decides. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Approval, ApprovalAnswer } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { escapeHtml } from '../base/text.js'
import type { AdminApi } from './admin-api.js'
import { type Auditing, auditable, begun } from './audit.js'

/** The path of a link; its code is in the query. */
export const ANSWER_PATH = '/answer'
/** Bytes of a form. */
const MAX_FORM = 4096
const CODE = /^[\w-]{43}$/
const HOUR = 3_600_000

/** Durations to choose from; the first is chosen before. */
const PERIODS: readonly (readonly [name: string, text: string, ms: number | undefined])[] = [
  ['1h', 'for an hour', HOUR],
  ['1d', 'for a day', 24 * HOUR],
  ['7d', 'for seven days', 7 * 24 * HOUR],
  ['always', 'until it is taken back', undefined],
]
const SCOPES: readonly (readonly [ApprovalAnswer['scope'], string])[] = [
  ['leaf', 'this certificate'],
  ['issuer', 'certificates of this issuer'],
  ['host', 'whatever the host shows'],
]

/** The form may post to this port only. `same-origin` keeps the link, with its code, out of the Referer of other hosts. */
const FIELDS = {
  'content-type': 'text/html; charset=utf-8',
  'referrer-policy': 'same-origin',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
} as const

/** The questions that links are for, and the record of their answers. */
export interface Desk extends Auditing {
  readonly api: Pick<AdminApi, 'approvals' | 'answer'>
}

/**
 * Serves the page and takes its form. The code in the link is the only proof that is required. A GET decides nothing,
 * because programs that show previews open links.
 */
export async function serveAnswerLink(desk: Desk, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    if (req.method === 'GET' || req.method === 'HEAD') {
      req.resume()
      const code = new URLSearchParams(req.url?.split('?', 2)[1]).get('code') ?? ''
      const asked = await find(desk, code)
      return asked === undefined ? send(res, 404, GONE) : send(res, 200, formFor(asked, code))
    }
    if (req.method !== 'POST') return send(res, 405, '<p>This page is read, and its form is posted.')
    const form = await readForm(req)
    const asked = await find(desk, form.get('code') ?? '')
    if (asked === undefined) return send(res, 404, GONE)
    const answer = readAnswer(form, req.socket.remoteAddress ?? 'an unknown address')
    if (answer === undefined) return send(res, 400, '<p>The form is not complete.')
    await give(desk, asked, answer)
    const done = answer.verdict === 'accept' ? 'accepted' : 'rejected'
    return send(res, 200, `<p>${escapeHtml(asked.host)} is ${done}. This page can be closed.`)
  } catch (cause) {
    req.resume()
    if (!(cause instanceof ProxyError)) return send(res, 500, '<p>The answer could not be taken.')
    if (cause.code === 'PTC_ADMIN_AUDIT')
      return send(res, 500, '<p>The answer cannot be written down, and was not taken.')
    return send(res, 409, `<p>${escapeHtml(ProxyError.textOf(cause))}`)
  }
}

const GONE =
  '<p>The link was used, is too old, or the question has its answer. <code>portcullis ctl approvals</code> lists open questions.'

/** Gives the answer, and writes it down as one of a route: an acceptance that cannot be written is not given. */
async function give(desk: Desk, asked: Approval, answer: ApprovalAnswer): Promise<void> {
  const { id, host, port, client, builtIn, sha256 } = asked
  const entry = {
    did: `POST ${ANSWER_PATH}`,
    who: answer.who,
    by: 'link',
    params: { id },
    asked: auditable(answer),
    about: { host, port, client, builtIn, sha256 },
  }
  const ended = await begun(desk, entry, answer.verdict === 'accept')
  try {
    await desk.api.answer(id, answer)
  } catch (cause) {
    await ended(409)
    throw cause
  }
  await ended(200)
}

/** The open question that a code is for. */
async function find({ api }: Desk, code: string): Promise<Approval | undefined> {
  if (!CODE.test(code)) return undefined
  const digest = createHash('sha256').update(code).digest('hex')
  const now = Date.now()
  const open = await Promise.resolve(api.approvals()).catch((): readonly Approval[] => [])
  return open.find(({ link }) => link !== undefined && link.sha256 === digest && link.until > now)
}

async function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const piece of req.setEncoding('latin1') as AsyncIterable<string>) {
    text += piece
    if (text.length > MAX_FORM) throw new ProxyError('PTC_ADMIN_REQUEST', 'the form is too large')
  }
  return new URLSearchParams(text)
}

function readAnswer(form: URLSearchParams, address: string): ApprovalAnswer | undefined {
  const verdict = form.get('verdict')
  const scope = SCOPES.find(([name]) => name === form.get('scope'))?.[0]
  const period = PERIODS.find(([name]) => name === form.get('for'))
  const why = form
    .get('why')
    ?.replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 500)
  if ((verdict !== 'accept' && verdict !== 'reject') || scope === undefined || period === undefined)
    return undefined
  return { verdict, scope, duration: period[2], who: `link from ${address}`, why: why || undefined }
}

const dateText = (time: number | null): string =>
  time === null ? 'an unreadable date' : new Date(time).toISOString()

function formFor(asked: Approval, code: string): string {
  const options = (all: readonly (readonly [string, string, ...unknown[]])[]): string =>
    all.map(([value, text]) => `<option value="${value}">${text}</option>`).join('')
  const rows: readonly [string, string][] = [
    ['Host', `${asked.host}:${asked.port}`],
    ['Asked by', asked.clients.join(', ')],
    ['Since', new Date(asked.since).toISOString()],
    ['First asked for', new Date(asked.firstSeen).toISOString()],
    ['Certificate', asked.subject],
    ['Issuer', asked.issuer],
    ['Valid', `${dateText(asked.notBefore)} to ${dateText(asked.notAfter)}`],
    ['SHA-256', asked.sha256],
    ['Built-in check', asked.builtIn],
  ]
  const table = rows.map(([name, value]) => `<tr><th>${name}<td>${escapeHtml(value)}`).join('\n')
  return `<p>A handshake waits for your answer.
<table>
${table}
</table>
<form method="post" action="${ANSWER_PATH}">
<input type="hidden" name="code" value="${escapeHtml(code)}">
<p><label>The answer is for <select name="scope">${options(SCOPES)}</select></label>
<label>and counts <select name="for">${options(PERIODS)}</select></label>
<p><label>Why <input name="why" maxlength="500"></label>
<p><button name="verdict" value="accept">Accept</button> <button name="verdict" value="reject">Reject</button>
</form>`
}

function send(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, FIELDS)
  res.end(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Portcullis</title>
<style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}th{text-align:left;padding-right:1em}td{word-break:break-all}</style>
<h1>Portcullis</h1>
${body}
</html>
`)
}
