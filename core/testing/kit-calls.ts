import type { HookEvents, HookId } from '../api/hooks.js'
import type { VConn } from '../api/vconn.js'
import type { ManagedCalls } from '../plugin-host/topics/answers.js'
import type { HeldHook } from '../program/wiring/hook-points.js'
import type { GivenRecords } from '../settings/settings.js'
import type { ClientFacts, ClientHook } from './client-judgement.js'
import type { TestConnection } from './connection.js'
import type { TestHandshake } from './handshake.js'
import type { LiveOrigin } from './live.js'
import type { Origin } from './origin.js'
import type { TestTransaction, TransactionFacts } from './transaction.js'

export interface KitOptions {
  /**
   * Records with other values than their defaults. The kit has one default of its own: `…verify.server.override` is 1, so
   * that plugins are asked whatever the built-in check says.
   */
  readonly records?: GivenRecords
}

/** Hooks that do not park; of a session's, `new` and `remove`. */
export type Told = Exclude<
  HookId,
  'TS_SSL_CERT_VERIFY_HOOK' | Exclude<ClientHook, 'TS_SSL_SESSION_HOOK'> | HeldHook
>

/** Plugins, loaded as the proxy loads them, and asked as the proxy asks them. */
export interface Kit {
  /** The lines of the plugins, as `NOTE [name] text`, `ERROR [name] text`, `DEBUG tag text`. */
  readonly log: readonly string[]
  /**
   * Waits until the plugins have written such a line, in real time: for those in workers.
   * @param ms how long at most; default 5000
   * @throws {ProxyError} PTC_TEST_KIT with the lines that there are
   */
  logged(pattern: RegExp, ms?: number): Promise<string>
  /**
   * Parks a handshake with an origin that is not there, and asks the plugins. Resolves when the plugins that need no time
   * have answered.
   */
  park(origin: Origin): Promise<TestHandshake>
  /**
   * Holds a client of an ssl port at one hook, and asks the plugins on it.
   * @param facts what the hook is about, as its event has it
   */
  parkClient<H extends ClientHook>(hook: H, facts: ClientFacts<H>): Promise<TestHandshake>
  /**
   * Makes a real handshake, through the proxy's own engine. It takes real time, the plugins' `schedule` included, and
   * closes once it is accepted. Resolves when it has ended.
   * @param address `host:port`
   * @throws {ProxyError} when no server listens there
   */
  connect(address: string, origin?: LiveOrigin): Promise<TestHandshake>
  /**
   * Moves virtual time for `schedule` and for deadlines, without waiting. Timers of Node are not affected.
   */
  advance(ms: number): Promise<void>
  /**
   * Opens a connection and asks the plugins on the start hook; `close` (the same as `leave`) calls the close hook.
   * @param origin the origin it is for
   */
  open(
    direction: VConn['direction'],
    origin?: { readonly host?: string; readonly port?: number },
  ): TestConnection
  /** Begins a request; the plugins are asked at its hooks. */
  transaction(facts: TransactionFacts): TestTransaction
  /** Calls the plugins on a hook that does not park. What they throw is in the log. */
  tell<H extends Told>(hook: H, event: HookEvents[H]): Promise<void>
  /** What a plugin offers to operators about a topic, as they reach it; undefined where none does. */
  managed<T extends keyof ManagedCalls>(topic: T): ManagedCalls[T] | undefined
  /** Unloads the plugins, as a reload does. */
  close(): void
}
