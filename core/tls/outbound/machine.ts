/**
 * The handshake with an origin, as a pure function: no socket, no timer, no plugin.
 *
 *     started --certificate--> parked (continuation 0 … n-1) --all accepted--> resuming --established--> open
 *        |                       |                                               |
 *        +-----------------------+--------- rejected, late, gone, broken --------+----------------------> closed
 *
 * A stored session takes the same way before the ClientHello is sent: `session` stands for `certificate`, and `resuming`
 * offers it. An origin that does not take it shows a certificate, and is judged as if nothing had been.
 *
 * A parked handshake may be released: its connection has ended, or is ended by us, and its plugins are still asked. When
 * all have accepted it is `redialing`, and ends here: the handshake on a new connection starts with that verdict, which
 * holds if the new connection shows the same evidence.
 *
 * The number of the continuation that is asked exists only inside `parked`. `call-continuation` is always a step's last
 * effect, because a plugin may call `reenable` inside its continuation, which enters the machine again.
 *
 * The file is as long as it is because the machine is read in one piece.
 */
import type { BuiltInResult, PeerEvidence } from '../../api/certificate.js'
import { accept, type Reject, type Verdict } from '../../api/verdict.js'
import type { X509ErrorName } from '../../api/x509-errors.js'
import { ProxyError } from '../../base/errors.js'
import { OWN_LIMIT } from '../../wait/turn.js'
import { completes, isIncomplete } from '../judge/evidence.js'
import { decisionOf, type Terms } from '../judge/terms.js'
import {
  type Rejection,
  rejectedBy,
  rejection,
  settle,
  type VerifiedPeer,
  VerifyRejected,
} from '../judge/verdict.js'
import type { StillHeld } from './held-verdict.js'

/** What is judged: the certificate that the origin has shown just now, or the one that a stored session rests on. */
export type Basis = 'certificate' | 'session'

export type Handshake =
  | { readonly at: 'started' }
  | {
      readonly at: 'parked'
      readonly basis: Basis
      readonly evidence: PeerEvidence
      /** The evidence before a plugin completed it; absent: it is the evidence. */
      readonly shown?: PeerEvidence | undefined
      readonly continuation: number
      /** The earliest of the verdicts so far. */
      readonly expiresAt?: number | undefined
      /** One of them is for the client alone. */
      readonly isForClient?: boolean | undefined
      /** What a person has answered so, of the last of them that says it. */
      readonly answer?: string | undefined
      /** The connection has ended; the plugins are still asked. */
      readonly isReleased?: boolean | undefined
    }
  | { readonly at: 'resuming'; readonly basis: Basis; readonly peer: VerifiedPeer }
  | { readonly at: 'open'; readonly peer: VerifiedPeer }
  | { readonly at: 'redialing'; readonly peer: VerifiedPeer }
  | { readonly at: 'closed'; readonly why: ProxyError }

export type HandshakeEvent =
  /**
   * The origin's Certificate message is in and the built-in check computed. With `held` the verdict about an earlier
   * connection, which showed the same evidence, still holds.
   */
  | {
      readonly type: 'certificate'
      readonly evidence: PeerEvidence
      readonly held?: StillHeld | undefined
    }
  /** A session is at hand, with its acceptance. It still holds, or the stored chain is judged again. */
  | { readonly type: 'session'; readonly peer: VerifiedPeer; readonly isReverified: boolean }
  /** A session of another process is at hand: the chain that it rests on is judged here. */
  | { readonly type: 'shared-session'; readonly evidence: PeerEvidence }
  /** There is none: the origin shows its certificate. */
  | { readonly type: 'no-session' }
  /** `isForClient`: the plugin has read the client or the request that asks. */
  | { readonly type: 'reenabled'; readonly verdict: Verdict; readonly isForClient?: boolean }
  | { readonly type: 'plugin-failed'; readonly detail: string }
  /** The plugin that is asked has had the chain checked again, and found its missing issuers. */
  | { readonly type: 'completed'; readonly evidence: PeerEvidence }
  /** An operator has rejected in place of the plugin that is asked. */
  | { readonly type: 'refused'; readonly verdict: Reject }
  /** An operator has accepted in its place, for this handshake: as a plugin's acceptance that ends then. */
  | { readonly type: 'granted'; readonly expiresAt: number; readonly answer: string }
  /** The clock that runs has run out: the verdict's while parked, else the origin's. */
  | { readonly type: 'clock' }
  /** The plugin's own time has run out; its line says what decides instead. */
  | { readonly type: 'late'; readonly late: 'reject' | 'builtin' }
  | { readonly type: 'established' }
  /**
   * The connection has ended, or is to end, and a new one can be made: of a parked handshake later, of one that has been
   * parked and goes on at once: networks drop idle connections without a word (in TLS 1.3 the request is the first to
   * notice). Also where a session was resumed otherwise than it was judged (ALPN, cipher, group): the verdict is void then.
   */
  | { readonly type: 'released' }
  /** The engine gave up, or the origin left. */
  | { readonly type: 'broken'; readonly why: ProxyError }
  | { readonly type: 'client-gone' }

export type Effect =
  /** Sends the ClientHello, without a session. */
  | { readonly do: 'send-hello' }
  | { readonly do: 'start-clock'; readonly clock: 'origin' | 'verdict' }
  | { readonly do: 'resume' }
  /** Ends the connection without an alert, and keeps the wait. */
  | { readonly do: 'release' }
  /** Has a new connection made for an accepted origin; nothing comes after it. */
  | { readonly do: 'redial'; readonly peer: VerifiedPeer }
  /** Ends the handshake with the alert that belongs to an X509_V_ERR number. */
  | { readonly do: 'send-alert'; readonly code: number }
  | { readonly do: 'deliver'; readonly peer: VerifiedPeer }
  /** Revokes, stops the clock, frees everything; nothing comes after it. */
  | { readonly do: 'close'; readonly why: ProxyError }
  /** Asks those whose verdicts are only counted; what they answer is no event. */
  | { readonly do: 'ask-shadows'; readonly evidence: PeerEvidence }
  | { readonly do: 'call-continuation'; readonly continuation: number; readonly evidence: PeerEvidence }

export type Step = readonly [Handshake, ...Effect[]]

export const INITIAL: Handshake = { at: 'started' }

/** What happens next. Every state answers every event; an event that means nothing to a state leaves it as it is. */
export function step(state: Handshake, event: HandshakeEvent, terms: Terms): Step {
  switch (state.at) {
    case 'started':
      return started(state, event, terms)
    case 'parked':
      return parked(state, event, terms)
    case 'resuming':
      return resuming(state, event, terms)
    case 'open':
    case 'redialing':
    case 'closed':
      return [state]
  }
}

type In<A extends Handshake['at']> = Extract<Handshake, { at: A }>

function started(state: In<'started'>, event: HandshakeEvent, terms: Terms): Step {
  switch (event.type) {
    case 'certificate': {
      const { evidence, held } = event
      if (held === undefined) return judge(evidence, 'certificate', terms)
      const { decidedBy, expiresAt, isForClient, answer } = held.peer
      const acceptance = { shown: evidence, expiresAt, isForClient, answer }
      return goOn(accepted(held.evidence, decidedBy, terms, acceptance), 'certificate')
    }
    case 'session': {
      const { peer, isReverified } = event
      return isReverified ? judge(peer.evidence, 'session', terms, peer.shown) : goOn(peer, 'session')
    }
    case 'shared-session':
      return judge(event.evidence, 'session', terms)
    case 'no-session':
      return [state, { do: 'send-hello' }]
    case 'clock':
      return close(originTooSlow())
    case 'broken':
      return close(event.why)
    case 'client-gone':
      return close(clientGone())
    case 'established':
      return close(new ProxyError('PTC_INTERNAL', 'a handshake ended before its certificate was seen'))
    case 'reenabled':
    case 'plugin-failed':
    case 'refused':
    case 'granted':
    case 'late':
    case 'completed':
    case 'released':
      return [state]
  }
}

/** Plugins that can complete an incomplete chain are asked first; then the result is enforced. */
function judge(evidence: PeerEvidence, basis: Basis, terms: Terms, shown = evidence): Step {
  if (terms.verify === 'nothing') return goOn(accepted(evidence, 'nobody', terms), basis)
  const state: In<'parked'> = { at: 'parked', basis, evidence, shown, continuation: 0 }
  if (terms.completers === 0 || !isIncomplete(evidence)) return enforce(state, terms, START)
  return [state, ...START, { do: 'call-continuation', continuation: 0, evidence }]
}

const START: readonly Effect[] = [{ do: 'start-clock', clock: 'verdict' }]

/**
 * The built-in result first, as far as it binds; then the plugins; with neither, nothing can accept.
 * @param state no plugin that decides has been asked
 * @param start what begins the wait, if it has not begun
 */
function enforce(state: In<'parked'>, terms: Terms, start: readonly Effect[]): Step {
  const { evidence } = state
  const { builtIn, host } = evidence
  const decision = decisionOf(terms)
  const isAsked = decision.by === 'plugins'
  if (!builtIn.ok && terms.builtIn === 'binds' && !(isAsked && terms.isOverridable)) {
    return refuseBuiltIn(evidence)
  }
  const shadows: Effect[] = terms.hasShadows ? [{ do: 'ask-shadows', evidence }] : []
  const continuation = terms.completers
  const ask: Effect = { do: 'call-continuation', continuation, evidence }
  if (isAsked) return [continuation === 0 ? state : { ...state, continuation }, ...start, ...shadows, ask]
  if (decision.by === 'nobody' && decision.accepts === 'none')
    return refuse(rejection('no-check', 'internal', host), evidence)
  const [next, ...effects] = finish(state, decision.by, terms)
  return [next, ...shadows, ...effects]
}

function refuseBuiltIn(evidence: PeerEvidence): Step {
  const { builtIn, host } = evidence
  const why = rejection('built-in', failedCheck(builtIn), host, builtIn.message, undefined, builtIn.depth)
  return refuse(why, evidence)
}

function failedCheck({ name }: BuiltInResult): X509ErrorName {
  return name === 'X509_V_OK' ? 'X509_V_ERR_UNSPECIFIED' : name
}

function parked(state: In<'parked'>, event: HandshakeEvent, terms: Terms): Step {
  const { evidence, continuation } = state
  const plugin = terms.plugins[continuation]
  switch (event.type) {
    case 'reenabled': {
      const { verdict } = event
      if (verdict.kind === 'reject') {
        return refuse(rejectedBy(plugin, evidence.host, verdict), evidence)
      }
      const { expiresAt, question } = verdict
      return nextTurn(acceptedBy(state, { expiresAt, answer: question }, event.isForClient), 'plugins', terms)
    }
    case 'late':
      // A check that is off has looked at nothing that could stand in for the plugin.
      if (event.late === 'reject' || terms.builtIn === 'off')
        return refuse(tooLate(evidence, plugin, OWN_LIMIT), evidence)
      return evidence.builtIn.ok ? nextTurn(state, 'built-in', terms) : refuseBuiltIn(evidence)
    case 'plugin-failed':
      return refuse(rejection('plugin-failed', 'policy', evidence.host, event.detail, plugin), evidence)
    case 'granted':
      return nextTurn(acceptedBy(state, event, true), 'plugins', terms)
    case 'refused': {
      const { reason, detail } = event.verdict
      return refuse(rejection('operator', reason, evidence.host, detail, plugin), evidence)
    }
    case 'clock':
      return refuse(tooLate(evidence, plugin, terms.limit), evidence)
    case 'completed':
      return [completes(event.evidence, evidence) ? { ...state, evidence: event.evidence } : state]
    case 'released':
      return state.isReleased ? [state] : [{ ...state, isReleased: true }, { do: 'release' }]
    case 'broken':
      return close(event.why)
    case 'client-gone':
      return close(clientGone())
    case 'established':
      return close(new ProxyError('PTC_INTERNAL', 'a handshake went on while it was parked'))
    case 'certificate':
    case 'session':
    case 'shared-session':
    case 'no-session':
      return [state]
  }
}

/** One turn more has ended with an acceptance. */
const acceptedBy = (
  state: In<'parked'>,
  { expiresAt, answer }: Pick<In<'parked'>, 'expiresAt' | 'answer'>,
  isForClient = false,
): In<'parked'> => ({
  ...state,
  expiresAt: earliest(state.expiresAt, expiresAt),
  answer: answer ?? state.answer,
  isForClient: state.isForClient === true || isForClient,
})

/** No rejection in this turn: the next plugin is asked, or the wait ends. */
function nextTurn(state: In<'parked'>, decidedBy: 'plugins' | 'built-in', terms: Terms): Step {
  const { evidence } = state
  const continuation = state.continuation + 1
  if (state.continuation < terms.completers && (continuation === terms.completers || !isIncomplete(evidence)))
    return enforce(state, terms, [])
  if (continuation === terms.plugins.length) return finish(state, decidedBy, terms)
  return [
    { ...state, continuation },
    { do: 'call-continuation', continuation, evidence },
  ]
}

/** All have accepted: the handshake goes on, or a new one is made for it. */
function finish(state: In<'parked'>, decidedBy: VerifiedPeer['decidedBy'], terms: Terms): Step {
  const peer = accepted(state.evidence, decidedBy, terms, state)
  return state.isReleased ? redial(peer) : goOn(peer, state.basis)
}

function tooLate({ host }: PeerEvidence, plugin: string | undefined, limit: string): Rejection {
  const detail = `no verdict came in time (${limit})`
  return rejection('deadline', 'X509_V_ERR_APPLICATION_VERIFICATION', host, detail, plugin)
}

function resuming(state: In<'resuming'>, event: HandshakeEvent, terms: Terms): Step {
  switch (event.type) {
    case 'established':
      return [
        { at: 'open', peer: state.peer },
        { do: 'deliver', peer: state.peer },
      ]
    case 'clock':
      return close(originTooSlow())
    case 'broken':
      return close(event.why)
    case 'client-gone':
      return close(clientGone())
    case 'certificate':
      // The origin did not take the session, so that what was decided about it is void.
      return state.basis === 'session' ? judge(event.evidence, 'certificate', terms) : [state]
    case 'released':
      return redial(state.peer)
    case 'session':
    case 'shared-session':
    case 'no-session':
    case 'reenabled':
    case 'plugin-failed':
    case 'refused':
    case 'granted':
    case 'late':
    case 'completed':
      return [state]
  }
}

function redial(peer: VerifiedPeer): Step {
  return [
    { at: 'redialing', peer },
    { do: 'redial', peer },
  ]
}

function earliest(...moments: readonly (number | undefined)[]): number | undefined {
  const known = moments.filter(moment => moment !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

function accepted(
  evidence: PeerEvidence,
  decidedBy: VerifiedPeer['decidedBy'],
  terms: Terms,
  {
    shown,
    expiresAt,
    isForClient,
    answer,
  }: Pick<In<'parked'>, 'shown' | 'expiresAt' | 'isForClient' | 'answer'> = {},
): VerifiedPeer {
  const tolerated = terms.verify === 'nothing' || terms.builtIn === 'off' ? [] : failedChecks(evidence, terms)
  const ends = earliest(expiresAt, terms.endsAt)
  return settle(evidence, decidedBy, accept(), { shown, tolerated, expiresAt: ends, isForClient, answer })
}

function failedChecks({ checks }: PeerEvidence, { properties }: Terms): readonly BuiltInResult[] {
  const { signature, name, rule } = checks
  const asked = { ALL: [signature, name], SIGNATURE: [signature], NAME: [name], NONE: [] }[properties]
  return [...asked, ...(rule === undefined ? [] : [rule])].filter(({ ok }) => !ok)
}

function goOn(peer: VerifiedPeer, basis: Basis): Step {
  return [{ at: 'resuming', basis, peer }, { do: 'start-clock', clock: 'origin' }, { do: 'resume' }]
}

function refuse(why: Rejection, evidence: PeerEvidence): Step {
  const error = new VerifyRejected(why, evidence)
  // An alert would tell the origin a verdict that does not exist yet.
  if (why.hold !== undefined) return close(error)
  return [
    { at: 'closed', why: error },
    { do: 'send-alert', code: why.code },
    { do: 'close', why: error },
  ]
}

function close(why: ProxyError): Step {
  return [
    { at: 'closed', why },
    { do: 'close', why },
  ]
}

function originTooSlow(): ProxyError {
  return new ProxyError(
    'PTC_HANDSHAKE_TIMEOUT',
    'the origin did not finish its part of the TLS handshake in time',
  )
}

function clientGone(): ProxyError {
  return new ProxyError('PTC_CLIENT_GONE', 'the client left during the TLS handshake with the origin')
}
