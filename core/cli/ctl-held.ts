/** `ctl parked`, `accept`, `reject`, `extend` and `history`: what waits, and what was decided. */
import type { HeldAccepted, HeldElsewhere, HistoryRow, ParkedRow } from '../admin/held-api.js'
import { X509_ERRORS } from '../api/x509-errors.js'
import { authorityText } from '../base/authority.js'
import { didYouMean } from '../base/nearest.js'
import { REASONS } from '../tls/judge/verdict.js'
import type { HeldTurn } from '../wait/held-turns.js'
import { answer, answerBody, isQuestion, readDuration } from './ctl-approvals.js'
import { listOf, type Send, withCursor } from './ctl-client.js'
import { type Command, type CtlOptions, command, none, usage } from './ctl-command.js'
import { duration, localTime, table } from './ctl-text.js'

interface Held {
  readonly parked: readonly ParkedRow[]
  readonly held: readonly HeldTurn[]
  readonly elsewhere: readonly HeldElsewhere[]
}

const isHandshake = (id: string): boolean => /^[1-9]\d{0,15}$/.test(id)

export function parked(args: readonly string[]): Command {
  none('parked', args)
  return command(allHeld, ({ parked, held, elsewhere }) => [
    ...parkedText(parked),
    ...heldText(held),
    ...elsewhereText(elsewhere),
  ])
}

async function allHeld(send: Send): Promise<Held> {
  const all = { parked: [] as ParkedRow[], held: [] as HeldTurn[], elsewhere: [] as HeldElsewhere[] }
  let cursor: string | undefined
  do {
    const page = await send<Held & { next?: string | null }>('GET', withCursor('/v1/parked', cursor))
    all.parked.push(...page.parked)
    all.held.push(...page.held)
    all.elsewhere.push(...page.elsewhere)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return all
}

/** `accept ID` of a question, or of a handshake. */
export function accept([id = '', ...more]: readonly string[], options: CtlOptions): Command {
  if (more.length === 0 && isQuestion(id)) return answer(id, 'accept', options)
  if (more.length > 0 || !isHandshake(id)) throw usage(`accept ${IDS}`)
  // JSON has no undefined: null is an answer without an end.
  const { duration: ms = null, ...rest } = answerBody(options)
  return command(
    send => send<HeldAccepted>('POST', `/v1/parked/${id}/accept`, { ...rest, duration: ms }),
    ({ as, question }) => [
      as === 'question'
        ? `question ${question} is accepted, and handshake ${id} with it`
        : `handshake ${id} is accepted in place of its plugin, this once`,
    ],
  )
}

/** `reject ID` of a question; `reject ID [REASON [DETAIL]]` of a handshake. */
export function rejectHeld([id = '', ...rest]: readonly string[], options: CtlOptions): Command {
  if (isQuestion(id) && rest.length === 0) return answer(id, 'reject', options)
  const [reason = 'policy', ...detail] = rest
  if (!isHandshake(id)) throw usage(`reject ${IDS}`)
  checkReason(reason)
  const body = { reason, ...(detail.length === 0 ? {} : { detail: detail.join(' ') }) }
  return command(
    send => send<{ id: number }>('POST', `/v1/parked/${id}/reject`, body),
    done => [`handshake ${done.id} is rejected: ${reason}`],
  )
}

const IDS = 'takes the ID of a handshake (`ctl parked`) or of a question (`ctl approvals`)'

/** `extend ID DURATION`, of a handshake or a question */
export function extend([id = '', period = '', ...more]: readonly string[]): Command {
  if (more.length === 0 && isQuestion(id)) return extendQuestion(id, readDuration(period, 'extend ID'))
  const ms = more.length === 0 && isHandshake(id) ? readDuration(period, 'extend ID') : undefined
  if (ms === undefined) throw usage(`extend ${IDS}, and a time: 30s, 10m`)
  return command(
    send => send<{ id: number; deadline: number }>('POST', `/v1/parked/${id}/extend`, { ms }),
    ({ deadline }) => [
      `handshake ${id} may be held for ${duration(deadline - Date.now())} more, until ${localTime(deadline)}`,
    ],
  )
}

function extendQuestion(id: string, ms: number | undefined): Command {
  if (ms === undefined) throw usage('extend takes a time that ends: 30s, 10m')
  return command(
    send => send<{ waiting: number }>('POST', `/v1/approvals/${id}/extend`, { ms }),
    ({ waiting }) => [`handshakes that wait for ${id}, and may wait ${duration(ms)} longer: ${waiting}`],
  )
}

/** Rows that `history` shows by default. */
const USUAL_ROWS = 50
const RESULTS = ['accepted', 'rejected', 'postponed']

/** `history [--search WORDS] [--result RESULT] [--limit N]` */
export function history(args: readonly string[], { search, result, limit }: CtlOptions): Command {
  none('history', args)
  if (result !== undefined && !RESULTS.includes(result))
    throw usage(`--result ${result}: write ${RESULTS.join(', ')}`)
  const most = limit === undefined ? USUAL_ROWS : Number(limit)
  if (!Number.isSafeInteger(most) || most < 1) throw usage(`--limit ${limit}: write a number of rows`)
  const query = new URLSearchParams({
    ...(search !== undefined && { search }),
    ...(result !== undefined && { result }),
    limit: String(Math.min(most, 1000)),
  })
  return command(
    async send => ({ history: await listOf<HistoryRow>(send, `/v1/history?${query}`, 'history', most) }),
    answered => historyText(answered.history),
  )
}

function checkReason(word: string): void {
  const known = [...Object.keys(REASONS), ...Object.keys(X509_ERRORS)]
  if (known.includes(word)) return
  const help = didYouMean(word, known) || `; known: ${Object.keys(REASONS).join(', ')}`
  throw usage(`there is no reason "${word}"${help}`)
}

function parkedText(rows: readonly ParkedRow[]): readonly string[] {
  if (rows.length === 0) return ['no handshake with an origin is parked']
  const lines = rows.map(row => [
    `${row.id}`,
    authorityText(row.host, row.port),
    row.question === null ? row.plugin : `${row.plugin} ${row.question}`,
    row.connection,
    duration(row.age),
    duration(row.deadline - Date.now()),
    row.client ?? 'portcullis',
    row.builtIn === 'X509_V_OK' ? 'ok' : row.builtIn,
    row.leaf === null ? '' : `${row.leaf.subject} ${row.leaf.sha256}`,
  ])
  const head = ['ID', 'ORIGIN', 'HELD BY', 'CONNECTION', 'FOR', 'LEFT', 'CLIENT', 'CHECK', 'LEAF']
  return table([head, ...lines])
}

/** What plugins hold on other hooks; nothing where there is nothing. */
function heldText(held: readonly HeldTurn[]): readonly string[] {
  if (held.length === 0) return []
  const rows = held.map(({ hook, plugin, about, since, deadline }) => [
    hook,
    about,
    plugin,
    duration(Date.now() - since),
    duration(deadline - Date.now()),
  ])
  return table([['HOOK', 'ABOUT', 'HELD BY', 'FOR', 'LEFT'], ...rows])
}

/** What other proxies hold for questions that can be answered here; nothing where there is nothing. */
function elsewhereText(all: readonly HeldElsewhere[]): readonly string[] {
  if (all.length === 0) return []
  const rows = all.map(({ question, host, port, plugin, machine, waiting, waitsUntil, clients }) => [
    question,
    authorityText(host, port),
    `${plugin} on ${machine}`,
    `${waiting}`,
    duration(waitsUntil - Date.now()),
    clients.join(', '),
  ])
  return table([['QUESTION', 'ORIGIN', 'HELD BY', 'WAIT', 'LEFT', 'CLIENTS'], ...rows])
}

function historyText(rows: readonly HistoryRow[]): readonly string[] {
  if (rows.length === 0) return ['no verdict is kept that fits']
  return rows.flatMap(row => {
    const { result, by, plugin, host, port, client, clients, times, last, who, why, name, code, detail } = row
    const session = row.resumed ? ', session resumed' : ''
    const others = clients.length > 1 ? ` and ${clients.length - 1} more` : ''
    const asked = client === null ? '' : `, asked by ${client}${others}`
    const decided = plugin === null || by === 'built-in' ? by : `${by} ${plugin}`
    const person = who === null ? [] : [`  ${who}${why === null ? '' : `: ${why}`}`]
    const cause = name === null ? [] : [`  ${name} ${code}${detail === '' ? '' : `: ${detail}`}`]
    return [
      `${localTime(last)} ${result} ${authorityText(host, port)} by ${decided}${session}${times > 1 ? `, ${times} times` : ''}${asked}`,
      ...person,
      ...cause,
      ...(result === 'accepted' ? [] : [`  ${row.command}`]),
    ]
  })
}
