/**
 * The handshake with an origin, as a pure function: no socket, no timer, no plugin.
 *
 *     hello-sent --certificate--> parked (hook 0 … n-1) --all accepted--> resuming --established--> open
 *          |                        |                                        |
 *          +------------------------+---- rejected, late, gone, broken ------+-------------------> closed
 *
 * The position in the hook chain exists only inside `parked`. `call-hook` is always a step's last effect, because a
 * plugin may call `reenable` inside its continuation, which enters the machine again.
 */
import type { BuiltInResult, PeerEvidence } from '../api/certificate.js'
import { accept, type Verdict } from '../api/verdict.js'
import type { X509ErrorName } from '../api/x509-errors.js'
import { ProxyError } from '../base/errors.js'
import type { Terms } from './terms.js'
import { type Rejection, rejection, settle, type VerifiedPeer, VerifyRejected } from './verdict.js'

export type Handshake =
  | { readonly at: 'hello-sent' }
  | { readonly at: 'parked'; readonly evidence: PeerEvidence; readonly hook: number }
  | { readonly at: 'resuming'; readonly peer: VerifiedPeer }
  | { readonly at: 'open'; readonly peer: VerifiedPeer }
  | { readonly at: 'closed'; readonly why: ProxyError }

export type HandshakeEvent =
  /** The origin's Certificate message is in and the built-in check computed. */
  | { readonly type: 'certificate'; readonly evidence: PeerEvidence }
  | { readonly type: 'reenabled'; readonly verdict: Verdict }
  | { readonly type: 'plugin-failed'; readonly detail: string }
  /** The clock that runs has run out: the verdict's while parked, else the origin's. */
  | { readonly type: 'clock' }
  | { readonly type: 'established' }
  /** The engine gave up, or the origin left. */
  | { readonly type: 'broken'; readonly why: ProxyError }
  | { readonly type: 'client-gone' }

export type Effect =
  | { readonly do: 'start-clock'; readonly clock: 'origin' | 'verdict' }
  | { readonly do: 'resume' }
  /** Ends the handshake with the alert that belongs to an X509_V_ERR number. */
  | { readonly do: 'send-alert'; readonly code: number }
  | { readonly do: 'deliver'; readonly peer: VerifiedPeer }
  /** Revokes, stops the clock, frees everything; nothing comes after it. */
  | { readonly do: 'close'; readonly why: ProxyError }
  | { readonly do: 'call-hook'; readonly hook: number; readonly evidence: PeerEvidence }

export type Step = readonly [Handshake, ...Effect[]]

export const INITIAL: Handshake = { at: 'hello-sent' }

/** What happens next. Every state answers every event; an event that means nothing to a state leaves it as it is. */
export function step(state: Handshake, event: HandshakeEvent, terms: Terms): Step {
  switch (state.at) {
    case 'hello-sent':
      return helloSent(state, event, terms)
    case 'parked':
      return parked(state, event, terms)
    case 'resuming':
      return resuming(state, event)
    case 'open':
    case 'closed':
      return [state]
  }
}

type In<A extends Handshake['at']> = Extract<Handshake, { at: A }>

function helloSent(state: In<'hello-sent'>, event: HandshakeEvent, terms: Terms): Step {
  switch (event.type) {
    case 'certificate':
      return judge(event.evidence, terms)
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
      return [state]
  }
}

/** The built-in result first, as far as it binds; then the plugins; with none of both, nobody can accept. */
function judge(evidence: PeerEvidence, terms: Terms): Step {
  const { builtIn, host } = evidence
  if (terms.verify === 'nothing') return resume(evidence, 'nobody')
  const isAsked = terms.plugins.length > 0
  if (!builtIn.ok && terms.builtIn === 'binds' && !(isAsked && terms.isOverridable)) {
    return refuse(
      rejection('built-in', failedCheck(builtIn), host, builtIn.message, undefined, builtIn.depth),
    )
  }
  if (isAsked) return park(evidence, 0, { do: 'start-clock', clock: 'verdict' })
  if (terms.builtIn === 'off') return refuse(rejection('no-check', 'internal', host))
  return resume(evidence, 'built-in')
}

function failedCheck({ name }: BuiltInResult): X509ErrorName {
  return name === 'X509_V_OK' ? 'X509_V_ERR_UNSPECIFIED' : name
}

function parked(state: In<'parked'>, event: HandshakeEvent, terms: Terms): Step {
  const { evidence, hook } = state
  const plugin = terms.plugins[hook]
  switch (event.type) {
    case 'reenabled': {
      const { verdict } = event
      if (verdict.kind === 'reject') {
        return refuse(rejection('plugin', verdict.reason, evidence.host, verdict.detail, plugin))
      }
      return hook + 1 < terms.plugins.length ? park(evidence, hook + 1) : resume(evidence, 'plugins')
    }
    case 'plugin-failed':
      return refuse(rejection('plugin-failed', 'policy', evidence.host, event.detail, plugin))
    case 'clock':
      return refuse(rejection('deadline', 'X509_V_ERR_APPLICATION_VERIFICATION', evidence.host, '', plugin))
    case 'broken':
      return close(event.why)
    case 'client-gone':
      return close(clientGone())
    case 'established':
      return close(new ProxyError('PTC_INTERNAL', 'a handshake went on while it was parked'))
    case 'certificate':
      return [state]
  }
}

function resuming(state: In<'resuming'>, event: HandshakeEvent): Step {
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
    case 'reenabled':
    case 'plugin-failed':
      return [state]
  }
}

function park(evidence: PeerEvidence, hook: number, ...before: Effect[]): Step {
  return [{ at: 'parked', evidence, hook }, ...before, { do: 'call-hook', hook, evidence }]
}

function resume(evidence: PeerEvidence, decidedBy: VerifiedPeer['decidedBy']): Step {
  const peer = settle(evidence, decidedBy, accept())
  return [{ at: 'resuming', peer }, { do: 'start-clock', clock: 'origin' }, { do: 'resume' }]
}

function refuse(why: Rejection): Step {
  const error = new VerifyRejected(why)
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
