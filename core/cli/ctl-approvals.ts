/** `portcullis ctl approvals`, `accept` and `reject`: questions that people answer. */
import type { Approval, ApprovalScope, GivenAnswer, WaitsElsewhere } from '../api/managed.js'
import { authorityText } from '../base/authority.js'
import { listOf, operator } from './ctl-client.js'
import { type Command, type CtlOptions, command, usage } from './ctl-command.js'
import { duration, localTime, table } from './ctl-text.js'

/** Ids of questions begin with a letter, those of handshakes are numbers. */
export const isQuestion = (id: string): boolean => /^[A-Za-z][\w.-]{0,63}$/.test(id)

/** For how long an answer counts that does not say so. */
const USUALLY = '1h'
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds; undefined for `always`. */
export function readDuration(text: string, option = '--for'): number | undefined {
  if (text === 'always') return undefined
  const [, digits = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(digits) * (UNITS[unit] ?? Number.NaN)
  if (ms > 0) return ms
  throw usage(`${option} ${text}: write 30s, 10m, 1h, 7d or always`)
}

function scopeOf({ leaf = false, issuer = false, host = false }: CtlOptions): ApprovalScope {
  if (Number(leaf) + Number(issuer) + Number(host) > 1) throw usage('one of --leaf, --issuer and --host')
  if (host) return 'host'
  return issuer ? 'issuer' : 'leaf'
}

const ABOUT: Readonly<Record<ApprovalScope, string>> = {
  leaf: 'with this certificate',
  issuer: 'with certificates of this issuer',
  host: 'whatever certificate it shows',
}

/** What an answer says, beside its verdict. */
export function answerBody(options: CtlOptions): {
  readonly scope: ApprovalScope
  readonly who: string
  readonly duration?: number
  readonly why?: string
} {
  const { for: period = USUALLY, why } = options
  const ms = readDuration(period)
  return {
    scope: scopeOf(options),
    who: operator(),
    ...(ms === undefined ? {} : { duration: ms }),
    ...(why === undefined ? {} : { why }),
  }
}

export function answer(id: string, verdict: 'accept' | 'reject', options: CtlOptions): Command {
  const body = answerBody(options)
  const { scope, duration: ms } = body
  return command(
    send => send<Approval>('POST', `/v1/approvals/${id}/${verdict}`, body),
    ({ host, port, waiting, elsewhere = [] }) => [
      `${authorityText(host, port)} is ${verdict}ed, ${ABOUT[scope]}, ${ms === undefined ? `until it is ${verdict === 'accept' ? 'revoked' : 'withdrawn'}` : `for ${duration(ms)}`}`,
      ...(waiting === 0 ? [] : [`handshakes that waited for it: ${waiting}`]),
      ...elsewhere.map(there => `handshakes that waited for it in another proxy: ${waitsText(there)}`),
    ],
  )
}

/** What waits in another proxy of the fleet. */
const waitsText = ({ waiting, machine }: WaitsElsewhere): string => `${waiting} on ${machine}`

export function approvalsText(approvals: readonly Approval[]): readonly string[] {
  if (approvals.length === 0) return ['no question is open']
  const now = Date.now()
  const rows = approvals.map(a => [
    a.id,
    authorityText(a.host, a.port),
    a.client,
    duration(now - a.since),
    [a.waiting, ...(a.elsewhere ?? []).map(waitsText)].join(', '),
    a.builtIn === 'X509_V_OK' ? 'ok' : a.builtIn,
    a.notBefore === null ? 'unreadable date' : `${duration(now - a.notBefore)} old`,
    a.issuer,
  ])
  return table([['ID', 'ORIGIN', 'CLIENT', 'SINCE', 'WAIT', 'CHECK', 'CERTIFICATE', 'ISSUER'], ...rows])
}

const SCOPES: Readonly<Record<ApprovalScope, string>> = {
  leaf: 'this certificate',
  issuer: 'this issuer',
  host: 'the host',
}

export function answersText(answers: readonly GivenAnswer[]): readonly string[] {
  if (answers.length === 0) return ['no answer counts now']
  const now = Date.now()
  const rows = answers.map(({ id, host, port, verdict, scope, builtIn, at, until, who, why }) => [
    id,
    authorityText(host, port),
    `${verdict}ed`,
    scope === 'leaf' && builtIn !== 'X509_V_OK' ? `${SCOPES[scope]}, ${builtIn}` : SCOPES[scope],
    until === null ? 'always' : duration(until - now),
    localTime(at),
    who,
    why ?? '',
  ])
  return table([['ID', 'ORIGIN', 'ANSWER', 'ABOUT', 'LEFT', 'GIVEN', 'BY', 'WHY'], ...rows])
}

/** `withdraw ID`, of a rejection */
export function withdraw([id = '', ...more]: readonly string[]): Command {
  if (more.length > 0 || !isQuestion(id))
    throw usage(
      'withdraw takes the ID of a rejection (`ctl answers`); `ctl revoke HOST` withdraws acceptances',
    )
  return command(
    send => send<GivenAnswer>('POST', `/v1/answers/${id}/withdraw`, { who: operator() }),
    ({ host, port }) => [
      `${authorityText(host, port)} is rejected no more: the next handshake is a question`,
    ],
  )
}

/** A command that a plugin answers in lines. */
const lines = (method: 'GET' | 'POST', path: string): Command =>
  command(
    async send =>
      method === 'GET'
        ? { lines: await listOf<string>(send, path, 'lines') }
        : send<{ lines: readonly string[] }>(method, path),
    answered => answered.lines,
  )

/** `policy explain HOST[:PORT]` */
export function policy([verb, host, ...more]: readonly string[]): Command {
  if (verb !== 'explain' || host === undefined || more.length > 0)
    throw usage('policy takes explain HOST[:PORT]')
  return lines('GET', `/v1/policy/explain?host=${encodeURIComponent(host)}`)
}

/** `learn report`, `learn write` */
export function learn([verb, ...more]: readonly string[]): Command {
  if ((verb !== 'report' && verb !== 'write') || more.length > 0) throw usage('learn takes report or write')
  return lines(verb === 'report' ? 'GET' : 'POST', `/v1/learning/${verb}`)
}
