/**
 * The handshake with a client, as a pure function: a state and an event in, the next state and what is to be done out.
 *
 *     shaking --reached--> parked at a gate, one plugin after the other --> shaking … --> open
 *                                \--> refused / gone --> closed
 *
 * The engine stops at the ClientHello, at the certificate, and when it is done. At each stop there are gates, and on
 * each gate the plugins of one hook. A plugin that fails, or says nothing, refuses; but for the session gate, where it
 * has no session.
 */
import type { Reject, Verdict } from '../api/verdict.js'
import { X509_ERRORS } from '../api/x509-errors.js'
import { ProxyError } from '../base/errors.js'
import { alertOf } from './alerts.js'
import { x509NameOf } from './verdict.js'

export type Stop = 'hello' | 'certificate' | 'established'
export type Gate = 'hello' | 'session' | 'certificate' | 'client'

/** Names of the plugins on each gate, in the order of plugin.config. */
export type ServerTerms = Readonly<Record<Gate, readonly string[]>>

export type ServerHandshake =
  | { readonly at: 'shaking' }
  | { readonly at: 'parked'; readonly stop: Stop; readonly gates: readonly Gate[]; readonly hook: number }
  | { readonly at: 'open' }
  | { readonly at: 'closed'; readonly why: ProxyError }

export type ServerEvent =
  /** `gates`: those that there is something to ask about. */
  | { readonly type: 'reached'; readonly stop: Stop; readonly gates: readonly Gate[] }
  /** `isSettled`: a session was found, and no further plugin needs to look for one. Elsewhere all are asked. */
  | { readonly type: 'reenabled'; readonly verdict: Verdict; readonly isSettled: boolean }
  | { readonly type: 'plugin-failed'; readonly detail: string }
  /** A plugin is out of its own time. */
  | { readonly type: 'late' }
  | { readonly type: 'clock' }
  | { readonly type: 'broken'; readonly why: ProxyError }

export type ServerEffect =
  | { readonly do: 'call-hook'; readonly gate: Gate; readonly hook: number }
  | { readonly do: 'go-on'; readonly stop: Stop }
  | { readonly do: 'deliver' }
  | { readonly do: 'send-alert'; readonly alert: number; readonly stop: Stop | undefined }
  | { readonly do: 'close'; readonly why: ProxyError }

type Step = readonly [ServerHandshake, ...ServerEffect[]]
type Parked = Extract<ServerHandshake, { at: 'parked' }>

const SHAKING: ServerHandshake = { at: 'shaking' }
export const SERVER_INITIAL: ServerHandshake = SHAKING

const HANDSHAKE_FAILURE = 40
const ACCESS_DENIED = 49
const INTERNAL_ERROR = 80
const UNRECOGNIZED_NAME = 112

export function serverStep(state: ServerHandshake, event: ServerEvent, terms: ServerTerms): Step {
  switch (state.at) {
    case 'shaking':
      return shaking(event, terms)
    case 'parked':
      return parked(state, event, terms)
    case 'open':
    case 'closed':
      return [state]
  }
}

function shaking(event: ServerEvent, terms: ServerTerms): Step {
  switch (event.type) {
    case 'reached':
      return ask(event.stop, event.gates, terms)
    case 'clock':
      return close(tooSlow())
    case 'broken':
      return close(event.why)
    case 'reenabled':
    case 'plugin-failed':
    case 'late':
      return [SHAKING]
  }
}

function parked(state: Parked, event: ServerEvent, terms: ServerTerms): Step {
  const gate = state.gates[0]
  const plugin = (gate === undefined ? undefined : terms[gate][state.hook]) ?? 'nobody'
  const isOptional = gate === 'session'
  switch (event.type) {
    case 'reenabled':
      if (event.verdict.kind === 'accept')
        return event.isSettled && isOptional ? nextGate(state, terms) : nextHook(state, terms)
      if (isOptional) return nextHook(state, terms)
      return refuse(alertFor(event.verdict, gate), refused(plugin, saidBy(event.verdict)), state.stop)
    case 'plugin-failed':
      if (isOptional) return nextHook(state, terms)
      return refuse(INTERNAL_ERROR, refused(plugin, `it failed: ${event.detail}`), state.stop)
    case 'late':
      if (isOptional) return nextHook(state, terms)
      return refuse(HANDSHAKE_FAILURE, refused(plugin, 'it did not answer in time'), state.stop)
    case 'clock':
      return refuse(
        HANDSHAKE_FAILURE,
        refused(plugin, 'it did not answer before the handshake had to end'),
        state.stop,
      )
    case 'broken':
      return close(event.why)
    case 'reached':
      return close(new ProxyError('PTC_INTERNAL', 'a handshake with a client went on while it was parked'))
  }
}

/** The first plugin on these gates; with none, the handshake goes on. */
function ask(stop: Stop, gates: readonly Gate[], terms: ServerTerms): Step {
  const [gate, ...rest] = gates
  if (gate === undefined) return goOn(stop)
  if (terms[gate].length === 0) return ask(stop, rest, terms)
  return [
    { at: 'parked', stop, gates, hook: 0 },
    { do: 'call-hook', gate, hook: 0 },
  ]
}

function nextHook(state: Parked, terms: ServerTerms): Step {
  const [gate] = state.gates
  const hook = state.hook + 1
  if (gate === undefined || hook >= terms[gate].length) return nextGate(state, terms)
  return [
    { ...state, hook },
    { do: 'call-hook', gate, hook },
  ]
}

const nextGate = ({ stop, gates }: Parked, terms: ServerTerms): Step => ask(stop, gates.slice(1), terms)

function goOn(stop: Stop): Step {
  return stop === 'established' ? [{ at: 'open' }, { do: 'deliver' }] : [SHAKING, { do: 'go-on', stop }]
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
function alertFor({ reason }: Reject, gate: Gate | undefined): number {
  if (gate === 'client') return alertOf(X509_ERRORS[x509NameOf(reason)]).number
  if (reason === 'name-mismatch') return UNRECOGNIZED_NAME
  if (reason === 'internal') return INTERNAL_ERROR
  return reason === 'policy' ? ACCESS_DENIED : HANDSHAKE_FAILURE
}

const saidBy = ({ reason, detail }: Reject): string =>
  detail === undefined ? reason : `${reason}, ${detail}`

const refused = (plugin: string, why: string): ProxyError =>
  new ProxyError('PTC_CLIENT_REFUSED', `plugin ${plugin} refused the client's handshake: ${why}`)

const tooSlow = (): ProxyError =>
  new ProxyError('PTC_CLIENT_HANDSHAKE', 'the client did not finish its TLS handshake in time')
