/** A revocation in all processes that serve, and in those of other machines. */
import type { Withdrawn } from '../admin/admin-api.js'
import { elsewhere } from '../program/withdrawing.js'
import type { RememberedVerdict } from '../tls/judge/verdict-cache.js'
import { answerOf } from './calls.js'
import { sumOfWithdrawn } from './merged-sums.js'
import type { ServingProcess } from './supervisor.js'

/** What one process knows under a key, another may not: there, everything about the host of that verdict goes. */
export async function revokeAll(
  all: readonly Pick<ServingProcess, 'ask' | 'isReachable' | 'isServing'>[],
  wanted: unknown,
  who: string,
  tellOthers: ((wanted: unknown, by: string) => void) | undefined,
): Promise<Withdrawn> {
  const places = all.filter(({ isServing }) => isServing)
  const { forms, abroad } = await formsOf(places, wanted)
  const outcomes = await Promise.allSettled([
    ...places.map((place, i) => answerOf<Withdrawn>(place, 'revoke', [forms[i], who])),
    // One that starts may have opened its ports already.
    ...all
      .filter(({ isReachable, isServing }) => isReachable && !isServing)
      .map(place => answerOf<Withdrawn>(place, 'withdrawHere', [abroad, who])),
  ])
  const done = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? (outcome.value?.[0] ?? []) : []))
  const failed = outcomes.find(outcome => outcome.status === 'rejected')
  tellOthers?.(abroad, who)
  if (failed !== undefined) throw failed.reason
  return done.reduce(sumOfWithdrawn, { verdicts: 0, sessions: 0, addresses: 0, connections: 0, approvals: 0 })
}

/**
 * What to ask of each process, and of other machines. A process that does not answer is asked about the host.
 * @throws {ProxyError} where no process knows the key; nothing is revoked then
 */
async function formsOf(
  places: readonly Pick<ServingProcess, 'ask'>[],
  wanted: unknown,
): Promise<{ readonly forms: readonly unknown[]; readonly abroad: unknown }> {
  const { key } = (wanted ?? {}) as { readonly key?: unknown }
  if (typeof key !== 'string') {
    const same = elsewhere(wanted, undefined)
    return { forms: places.map(() => same), abroad: same }
  }
  const rows = await Promise.allSettled(
    places.map(place => answerOf<readonly RememberedVerdict[]>(place, 'verdicts', [])),
  )
  const found = rows.map(row =>
    row.status === 'fulfilled' ? row.value?.[0].find(verdict => verdict.key === key) : undefined,
  )
  const host = found.find(verdict => verdict !== undefined)?.host
  const failed = rows.find(row => row.status === 'rejected')
  if (host === undefined && failed !== undefined) throw failed.reason
  const byHost = elsewhere(wanted, host)
  return { forms: found.map(verdict => (verdict === undefined ? byHost : wanted)), abroad: byHost }
}
