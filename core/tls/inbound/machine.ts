/**
 * The handshake with a client, as a pure function: a state and an event in, the next state and what is to be done out.
 *
 *     running --reached--> parked at a gate, one plugin after the other --> running … --> open
 *                             |  \--> preparing --^
 *                             \--> refused / gone --> closed
 *
 * The engine stops at the ClientHello, at the certificate, and when it is done. At each stop there are gates, and on
 * each gate the plugins of one hook. A plugin that fails, or says nothing, refuses; but for the session gate, where it
 * has no session. There may be a session gate for each session that the client offers: what is found ends the search.
 *
 * `preparation` is no gate: it makes what must exist before the client is answered, and asks no plugin.
 */
import type { Reject, Verdict } from '../../api/verdict.js'
import { X509_ERRORS } from '../../api/x509-errors.js'
import { ProxyError } from '../../base/errors.js'
import { PluginRefused } from '../../wait/refusal.js'
import { OWN_LIMIT } from '../../wait/turn.js'
import { ACCESS_DENIED, alertOf, INTERNAL_ERROR, UNRECOGNIZED_NAME } from '../alerts.js'
import { VerifyRejected, x509NameOf } from '../judge/verdict.js'

export type Stop = 'hello' | 'certificate' | 'established'
export type Gate = 'hello' | 'session' | 'certificate' | 'client'

/** Names of the plugins on each gate, in the order of plugin.config. */
export type InboundTerms = Readonly<Record<Gate, readonly string[]>>

/** What stands between a stop and the next step, in order. */
export type Waits = readonly (Gate | 'preparation')[]

export type InboundState =
  | { readonly at: 'running' }
  /** `waits`: what comes behind this gate. */
  | {
      readonly at: 'parked'
      readonly stop: Stop
      readonly gate: Gate
      /** Which continuation on the gate's hook is asked, from 0. */
      readonly continuation: number
      readonly waits: Waits
    }
  | { readonly at: 'preparing'; readonly stop: Stop; readonly waits: Waits }
  | { readonly at: 'open' }
  | { readonly at: 'closed'; readonly why: ProxyError }

export type InboundEvent =
  /** `waits`: with the gates that there is something to ask about. */
  | { readonly type: 'reached'; readonly stop: Stop; readonly waits: Waits }
  | { readonly type: 'prepared' }
  | { readonly type: 'unprepared'; readonly why: ProxyError }
  /** `isSettled`: a session was found, and no further plugin needs to look for one. Elsewhere all are asked. */
  | { readonly type: 'reenabled'; readonly verdict: Verdict; readonly isSettled: boolean }
  | { readonly type: 'plugin-failed'; readonly detail: string }
  /** A plugin is out of its own time. */
  | { readonly type: 'late' }
  | { readonly type: 'clock' }
  | { readonly type: 'broken'; readonly why: ProxyError }

export type InboundEffect =
  | { readonly do: 'call-continuation'; readonly gate: Gate; readonly continuation: number }
  | { readonly do: 'prepare' }
  | { readonly do: 'go-on'; readonly stop: Stop }
  | { readonly do: 'deliver' }
  | { readonly do: 'send-alert'; readonly alert: number; readonly stop: Stop | undefined }
  | { readonly do: 'close'; readonly why: ProxyError }

type Step = readonly [InboundState, ...InboundEffect[]]
type Parked = Extract<InboundState, { at: 'parked' }>
type Preparing = Extract<InboundState, { at: 'preparing' }>

const RUNNING: InboundState = { at: 'running' }
export const INBOUND_INITIAL: InboundState = RUNNING

const HANDSHAKE_FAILURE = 40

export function inboundStep(state: InboundState, event: InboundEvent, terms: InboundTerms): Step {
  switch (state.at) {
    case 'running':
      return running(event, terms)
    case 'parked':
      return parked(state, event, terms)
    case 'preparing':
      return preparing(state, event, terms)
    case 'open':
    case 'closed':
      return [state]
  }
}

function running(event: InboundEvent, terms: InboundTerms): Step {
  switch (event.type) {
    case 'reached':
      return wait(event.stop, event.waits, terms)
    case 'clock':
      return close(tooSlow())
    case 'broken':
      return close(event.why)
    case 'prepared':
    case 'unprepared':
    case 'reenabled':
    case 'plugin-failed':
    case 'late':
      return [RUNNING]
  }
}

function parked(state: Parked, event: InboundEvent, terms: InboundTerms): Step {
  const { gate, stop, waits } = state
  const plugin = terms[gate][state.continuation] ?? 'nobody'
  const isOptional = gate === 'session'
  switch (event.type) {
    case 'reenabled':
      if (event.verdict.kind === 'accept' && event.isSettled && isOptional)
        return wait(stop, withoutSessions(waits), terms)
      if (event.verdict.kind === 'accept' || isOptional) return nextContinuation(state, terms)
      return refuse(alertFor(event.verdict, gate), refused(plugin, saidBy(event.verdict)), stop)
    case 'plugin-failed':
      if (isOptional) return nextContinuation(state, terms)
      return refuse(INTERNAL_ERROR, refused(plugin, `it failed: ${event.detail}`), stop)
    case 'late':
      if (isOptional) return nextContinuation(state, terms)
      return refuse(HANDSHAKE_FAILURE, refused(plugin, `it did not answer in time (${OWN_LIMIT})`), stop)
    case 'clock':
      return refuse(
        HANDSHAKE_FAILURE,
        refused(
          plugin,
          'it did not answer before the handshake had to end (proxy.config.ssl.handshake_timeout_in)',
        ),
        stop,
      )
    case 'broken':
      return close(event.why)
    case 'reached':
      return close(new ProxyError('PTC_INTERNAL', 'a handshake with a client went on while it was parked'))
    case 'prepared':
    case 'unprepared':
      return [state]
  }
}

function preparing(state: Preparing, event: InboundEvent, terms: InboundTerms): Step {
  const { stop, waits } = state
  switch (event.type) {
    case 'prepared':
      return wait(stop, waits, terms)
    case 'unprepared':
      return refuse(unpreparedAlert(event.why), event.why, stop)
    case 'clock':
      return refuse(HANDSHAKE_FAILURE, tooSlow(), stop)
    case 'broken':
      return close(event.why)
    case 'reached':
      return close(new ProxyError('PTC_INTERNAL', 'a handshake with a client went on unprepared'))
    case 'reenabled':
    case 'plugin-failed':
    case 'late':
      return [state]
  }
}

/** The first of these that there is anything to wait for; with none, the handshake goes on. */
function wait(stop: Stop, waits: Waits, terms: InboundTerms): Step {
  const [first, ...rest] = waits
  if (first === undefined) return goOn(stop)
  if (first === 'preparation') return [{ at: 'preparing', stop, waits: rest }, { do: 'prepare' }]
  if (terms[first].length === 0) return wait(stop, rest, terms)
  return [
    { at: 'parked', stop, gate: first, continuation: 0, waits: rest },
    { do: 'call-continuation', gate: first, continuation: 0 },
  ]
}

function nextContinuation(state: Parked, terms: InboundTerms): Step {
  const { gate, stop, waits } = state
  const continuation = state.continuation + 1
  if (continuation >= terms[gate].length) return wait(stop, waits, terms)
  return [
    { ...state, continuation },
    { do: 'call-continuation', gate, continuation },
  ]
}

const withoutSessions = (waits: Waits): Waits => waits.filter(one => one !== 'session')

function goOn(stop: Stop): Step {
  return stop === 'established' ? [{ at: 'open' }, { do: 'deliver' }] : [RUNNING, { do: 'go-on', stop }]
}

function refuse(alert: number, why: ProxyError, stop: Stop): Step {
  return [
    { at: 'closed', why },
    { do: 'send-alert', alert, stop },
    { do: 'close', why },
  ]
}

function close(why: ProxyError): Step {
  return [
    { at: 'closed', why },
    { do: 'close', why },
  ]
}

/** About a certificate there is an alert for each reason; about a name, or a wish, there are few. */
function alertFor({ reason }: Reject, gate: Gate): number {
  if (gate === 'client') return alertOf(X509_ERRORS[x509NameOf(reason)]).number
  if (reason === 'name-mismatch') return UNRECOGNIZED_NAME
  if (reason === 'internal') return INTERNAL_ERROR
  return reason === 'policy' ? ACCESS_DENIED : HANDSHAKE_FAILURE
}

/** A decision has another alert than a failure. */
const unpreparedAlert = (why: ProxyError): number =>
  why instanceof VerifyRejected || why instanceof PluginRefused ? ACCESS_DENIED : INTERNAL_ERROR

const saidBy = ({ reason, detail }: Reject): string =>
  detail === undefined ? reason : `${reason}, ${detail}`

const refused = (plugin: string, why: string): ProxyError =>
  new ProxyError('PTC_CLIENT_REFUSED', `plugin ${plugin} refused the client's handshake: ${why}`)

const tooSlow = (): ProxyError =>
  new ProxyError('PTC_CLIENT_HANDSHAKE', 'the client did not finish its TLS handshake in time')
