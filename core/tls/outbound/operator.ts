/** What an operator sees of a parked handshake, and may do with it. */
import { ProxyError } from '../../base/errors.js'
import type { Terms } from '../judge/terms.js'
import type { StepClock } from '../queued-step.js'
import type { Handshake, HandshakeEvent } from './machine.js'
import type { Park } from './park.js'
import type { ParkedHandshake } from './parked-handshakes.js'
import type { OutboundQuestions } from './questions.js'
import type { TlsTarget } from './start-tls.js'
import type { HandshakeTrace } from './trace.js'

/** How long an operator's acceptance holds, milliseconds: a handshake without a connection has to make a new one. */
const GRANT_LIFE = 30_000
/** How long plugins may hold one handshake, extensions included; milliseconds. */
export const LONGEST_PARK = 3_600_000

/** The parts of a handshake that waits for a plugin. */
export interface ParkedParts {
  readonly id: number
  /** The name or address that the certificate was checked against. */
  readonly host: string
  readonly target: Pick<TlsTarget, 'port' | 'asking'>
  readonly remoteAddress: string
  readonly state: Extract<Handshake, { at: 'parked' }>
  readonly terms: Pick<Terms, 'plugins' | 'completers'>
  readonly park: Pick<Park, 'accepted' | 'age' | 'isReleased'>
  readonly questions: OutboundQuestions | undefined
  readonly clock: StepClock
  readonly trace: HandshakeTrace
  readonly on: (event: HandshakeEvent) => void
}

/** Undefined while no plugin is asked. */
export function parkedHandshake(parts: ParkedParts): ParkedHandshake | undefined {
  const { id, host, target, remoteAddress, state, terms, park, questions, clock, trace, on } = parts
  const turn = questions?.turn
  if (questions === undefined || turn === undefined) return undefined
  const { plugin } = turn
  const age = park.age ?? 0
  return {
    hook: 'TS_SSL_CERT_VERIFY_HOOK',
    about: host,
    id,
    port: target.port,
    asking: target.asking,
    evidence: state.evidence,
    remoteAddress,
    plugin,
    accepted: terms.plugins.slice(terms.completers, Math.max(state.continuation, terms.completers)),
    since: Date.now() - age,
    isReleased: park.isReleased,
    deadline: turn.deadline,
    reject: verdict => on({ type: 'refused', verdict }),
    accept: () => {
      if (!turn.isOpen) throw over(host)
      park.accepted()
      trace.granted(plugin)
      questions.stop()
      on({ type: 'granted', expiresAt: Date.now() + GRANT_LIFE, answer: grantOf(id) })
    },
    extend: ms => {
      if (!turn.isOpen) throw over(host)
      const ends = Date.now() - age + LONGEST_PARK
      if (turn.deadline + ms > ends)
        throw new ProxyError(
          'PTC_ADMIN_REQUEST',
          `the handshake with ${host} may be held for ${LONGEST_PARK / 60_000} minutes in all`,
        )
      turn.extend(ms)
      clock.extend(Math.min(ms, Math.max(0, ends - clock.endsAt)))
    },
  }
}

/** The answer that an operator's acceptance of a handshake is; the id of no question has a blank. */
export const grantOf = (id: number): string => `handshake ${id}`

const over = (host: string): ProxyError =>
  new ProxyError('PTC_ADMIN_REQUEST', `the handshake with ${host} waits for a plugin no longer`)
