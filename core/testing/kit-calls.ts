import type { HookEvents, HookId } from '../api/hooks.js'
import type { ManagedTopics } from '../api/managed.js'
import type { VConn } from '../api/vconn.js'
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
   * Records that are not to have their defaults. One default is the kit's own: `…verify.server.override` is 1, so that
   * plugins are asked whatever the built-in check says.
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
  /** What the plugins wrote, as `NOTE [name] text`, `ERROR [name] text`, `DEBUG tag text`. */
  readonly log: readonly string[]
  /**
   * Waits until the plugins have written such a line, in real time: for those in workers.
   * @param ms how long at most; default 5000
   * @throws {ProxyError} PTC_TEST_KIT with what they have written instead
   */
  logged(pattern: RegExp, ms?: number): Promise<string>
  /**
   * Parks a handshake with an origin that is not there, and asks the plugins. Resolves when those that need no time have
   * answered.
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
   * @throws {ProxyError} when nobody listens there
   */
  connect(address: string, origin?: LiveOrigin): Promise<TestHandshake>
  /**
   * Lets time pass for what the plugins have scheduled and for deadlines; nobody waits. Not for timers that a plugin has
   * got from Node.
   */
  advance(ms: number): Promise<void>
  /**
   * Opens a connection, which the plugins on the start hook are asked about; `close`, which is `leave`, tells those on
   * the close hook.
   * @param origin whom it is for
   */
  open(
    direction: VConn['direction'],
    origin?: { readonly host?: string; readonly port?: number },
  ): TestConnection
  /** Begins a request, at whose hooks the plugins are then asked. */
  transaction(facts: TransactionFacts): TestTransaction
  /** Calls the plugins on a hook that does not park. What they throw is in the log. */
  tell<H extends Told>(hook: H, event: HookEvents[H]): Promise<void>
  /** What a plugin offers to operators about a topic; undefined where none does. */
  managed<T extends keyof ManagedTopics>(topic: T): ManagedTopics[T] | undefined
  /** Unloads the plugins, as a reload does. */
  close(): void
}
