/**
 * The hooks that wait for no answer: how each gets to the plugin's workers. A hook that is added to the API stops the build here
 * until it has its entry.
 */
import type { TxnCloseEvent } from '../../api/hooks.js'
import type { VConn } from '../../api/vconn.js'
import type { TellHook, ToldEvent } from '../../hooks/hook-ids.js'
import type { PlainVConn, Subject } from './messages.js'
import { exactBytes, plainVConn, toBuffer } from './plain.js'
import type { WorkerState } from './worker-state.js'

/**
 * Which of a plugin's instances get it: the one that keeps the args of a connection, or of a transaction, any one, all of
 * them, or `lasting`: all, and those that begin later.
 */
export type Audience = VConn | Subject | 'any' | 'all' | 'lasting'

/** How one hook gets to workers. */
export interface Notification<H extends TellHook> {
  readonly toPlain: (event: ToldEvent<H>) => unknown
  readonly toEvent: (plain: unknown, state: WorkerState) => ToldEvent<H>
  readonly to: (event: ToldEvent<H>) => Audience
}

/** The same, with the type of what is sent. */
interface TypedTiding<H extends TellHook, Plain> extends Pick<Notification<H>, 'to'> {
  readonly toPlain: (event: ToldEvent<H>) => Plain
  readonly toEvent: (plain: Plain, state: WorkerState) => ToldEvent<H>
}

/** Forgets the type of what is sent: what one end has made comes out at the other. */
function tiding<H extends TellHook, Plain>(typed: TypedTiding<H, Plain>): Notification<H> {
  return { ...typed, toEvent: (plain, state) => typed.toEvent(plain as Plain, state) }
}

type VConnHook = {
  [H in TellHook]: ToldEvent<H> extends VConn ? (VConn extends ToldEvent<H> ? H : never) : never
}[TellHook]

/** Those whose event is the connection itself. */
function aboutVConn<H extends VConnHook>(): Notification<H> {
  return tiding<H, PlainVConn>({
    to: vconn => vconn,
    toPlain: vconn => plainVConn(vconn),
    toEvent: (plain, { vconnOf }) => vconnOf(plain) as ToldEvent<H>,
  })
}

/** Those whose event is plain data already. */
function asItIs<H extends TellHook>(to: Audience): Notification<H> {
  return tiding<H, ToldEvent<H>>({ to: () => to, toPlain: event => event, toEvent: plain => plain })
}

type PlainSession =
  | { readonly op: 'remove'; readonly id: Uint8Array }
  | {
      readonly op: 'new'
      readonly vconn: PlainVConn
      readonly sni: string | undefined
      readonly id: Uint8Array
      readonly session: Uint8Array
      readonly lifetime: number
    }

export const NOTIFICATIONS: { readonly [H in TellHook]: Notification<H> } = {
  TS_VCONN_CLOSE_HOOK: aboutVConn(),
  TS_VCONN_OUTBOUND_CLOSE_HOOK: aboutVConn(),
  TS_SSL_SERVERNAME_HOOK: tiding({
    to: ({ vconn }) => vconn,
    toPlain: ({ vconn, sni }) => ({ vconn: plainVConn(vconn), sni }),
    toEvent: ({ vconn, sni }, { vconnOf }) => ({ vconn: vconnOf(vconn), sni }),
  }),
  TS_SSL_SESSION_HOOK: tiding<'TS_SSL_SESSION_HOOK', PlainSession>({
    to: event => (event.op === 'new' ? event.vconn : 'all'),
    toPlain: event => {
      const id = exactBytes(event.id)
      if (event.op === 'remove') return { op: event.op, id }
      const { op, vconn, sni, session, lifetime } = event
      return { op, vconn: plainVConn(vconn), sni, id, session: exactBytes(session), lifetime }
    },
    toEvent: (plain, { vconnOf }) => {
      const id = toBuffer(plain.id)
      if (plain.op === 'remove') return { op: plain.op, id }
      return { ...plain, id, vconn: vconnOf(plain.vconn), session: toBuffer(plain.session) }
    },
  }),
  // What a plugin has kept on a transaction is where it was kept.
  TS_HTTP_TXN_CLOSE_HOOK: tiding<'TS_HTTP_TXN_CLOSE_HOOK', Omit<TxnCloseEvent, 'args'>>({
    to: ({ id }) => (id === undefined ? 'any' : `transaction ${id}`),
    toPlain: ({ args: _, ...facts }) => facts,
    toEvent: (facts, { argsOf, forget }) => {
      if (facts.id === undefined) return { ...facts, args: {} }
      const args = argsOf(`transaction ${facts.id}`)
      forget(`transaction ${facts.id}`)
      return { ...facts, args }
    },
  }),
  TS_LIFECYCLE_PORTS_READY_HOOK: asItIs('lasting'),
  TS_LIFECYCLE_SHUTDOWN_HOOK: asItIs('all'),
  TS_LIFECYCLE_MSG_HOOK: asItIs('all'),
}
