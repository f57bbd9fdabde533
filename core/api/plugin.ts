import type { X509Certificate } from 'node:crypto'
import type { PluginFetch } from './fetch.js'
import type { HookAdd } from './hooks.js'
import type { ManagedTopics } from './managed.js'
import type { PluginMetrics } from './metrics.js'
import type { accept, postpone, reject } from './verdict.js'

/**
 * Which acceptances are revoked: of one host, of a public key or a certificate (as leaf), or all of them.
 *
 * `host` is a name or an address, as in a URL. `spki` is the SHA-256 of the leaf's SubjectPublicKeyInfo, as in a pin:
 * base64, or 64 hex digits; `certificate` the SHA-256 of the leaf, in the same forms.
 */
export type Revocation =
  | 'all'
  | { readonly host: string }
  | { readonly spki: string }
  | { readonly certificate: string }

/** How a value is kept. */
export interface StateOptions {
  /** Milliseconds until it is gone; without it, it stays as long as there is room. */
  readonly ttl?: number
}

/**
 * What a plugin keeps beyond its own life: one store for each plugin, by its name. It outlives reloads, and is the same in all
 * workers and processes. It is kept in memory, where a restart empties it, or in the Redis of a fleet. In memory a store holds
 * 10,000 entries and 16 MB, and beyond that the entries used longest ago are dropped; in Redis an entry lives for 30 days at
 * most. Keep in it what can be found out again.
 *
 * Values are JSON, at most 65,536 characters; keys have 1 to 512 characters. Each call is atomic. A call that cannot be done
 * rejects with a {@link ProxyError} PTC_PLUGIN_CALL.
 */
export interface PluginState {
  /** A copy of the value; undefined if there is none. */
  readonly get: (key: string) => Promise<unknown>
  readonly set: (key: string, value: unknown, options?: StateOptions) => Promise<void>
  /** Sets it if the key is free. @returns whether it was */
  readonly add: (key: string, value: unknown, options?: StateOptions) => Promise<boolean>
  /** @returns whether there was a value */
  readonly delete: (key: string) => Promise<boolean>
  /**
   * Adds to a number, which begins at 0; `ttl` counts from its first value.
   * @param by default 1 @returns the sum
   */
  readonly increment: (key: string, by?: number, options?: StateOptions) => Promise<number>
  /** The keys that begin with a prefix, at most 1,000, in no order. */
  readonly keys: (prefix?: string) => Promise<readonly string[]>
}

/**
 * The other instances of the plugin: in the other processes of the proxy, on this machine and on the others of a fleet, and with
 * `@isolate=worker` in its other workers, those of the time before a reload included. An instance without others sends to none.
 */
export interface PluginPeers {
  /**
   * Sends a message to all others. Messages of one instance arrive in the order of its calls. While the Redis of the fleet cannot
   * be reached, messages for other machines wait in memory, and are sent when it answers again.
   * @param message what JSON can say, at most 262,144 characters
   * @returns when the listeners in the other workers and processes of this machine have been called. A worker that is being
   *   loaded is not waited for: it gets the message behind its init, before its plugin is asked anything.
   * @throws {ProxyError} PTC_PLUGIN_CALL
   */
  readonly send: (message: unknown) => Promise<void>
  /**
   * Adds a listener for the messages of the others, until the plugin is unloaded. Add it during init: messages that are sent
   * while a worker is loaded are delivered directly behind its init. A message may arrive more than once.
   */
  readonly onMessage: (listener: (message: unknown) => void) => void
}

/**
 * What a plugin's init is handed. It is all a plugin needs at run time: nothing has to be imported.
 *
 * `Options` is what its `optionsSchema` makes of its line, if it exports one: `OptionsOf<typeof optionsSchema>`.
 */
export interface PluginContext<Options = Readonly<Record<string, unknown>>> {
  /** The plugin's name: its file name without the extension. */
  readonly name: string
  /** The folder of the configuration, absolute, also in a worker. Relative paths on the plugin's line begin there. */
  readonly confDir: string
  /** The tokens of its line in plugin.config; `argv[0]` is the plugin's path as written there. */
  readonly argv: readonly string[]
  /** The `key=value` tokens of its line, parsed and checked by its `optionsSchema`; frozen. Empty without one. */
  readonly options: Options
  /** Whether it runs in a worker (`@isolate=worker`): there `seal` does not work. */
  readonly isIsolated: boolean
  readonly hookAdd: HookAdd
  readonly accept: typeof accept
  readonly reject: typeof reject
  readonly postpone: typeof postpone
  /** Writes a line to the debug log if the tag (default: the plugin's name) is switched on (TSDebug). */
  readonly debug: (message: string, tag?: string) => void
  /**
   * Whether {@link debug} writes anything (TSIsDebugTagSet). It holds until the next reload, which makes a new context. In a
   * worker it is always true.
   */
  readonly isDebugOn: (tag?: string) => boolean
  /** Writes an ERROR line to the log (TSError). */
  readonly error: (message: string) => void
  /** Writes a NOTE line to the log (TSNote). */
  readonly note: (message: string) => void
  /** Calls `fn` in `ms` milliseconds unless the plugin is gone by then. What it throws is logged. */
  readonly schedule: (fn: () => unknown, ms: number) => void
  /**
   * Withdraws acceptances of all plugins: remembered verdicts, sessions, verified addresses and idle connections that
   * rest on them go, and the next request makes a full handshake, about which the plugins are asked. A request in flight
   * ends on its connection; open tunnels go on. May be called at any time.
   * @throws {ProxyError} PTC_REVOCATION for what is no revocation; in a worker that is an ERROR line instead
   */
  readonly revoke: (what: Revocation) => void
  /**
   * Offers something to operators: their requests about the topic go to `offered`. Only during init, and one plugin
   * has a topic. In workers each offers the same; a request goes to all of them, or to the first that has an answer.
   * @throws {ProxyError} PTC_PLUGIN_CALL otherwise
   */
  readonly manage: <T extends keyof ManagedTopics>(topic: T, offered: ManagedTopics[T]) => void
  /**
   * The certificates of a PEM text or, given bytes, the one certificate that this DER is. In place of
   * `new X509Certificate(…)`, which reads PEM text that a certificate carries inside in place of the certificate.
   * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE for what is not a certificate, whole
   */
  readonly readCertificates: (source: string | Uint8Array) => readonly X509Certificate[]
  /**
   * Where people reach the management port: `http://127.0.0.1:9000`. Undefined without one, as long as it is not open.
   */
  readonly managedAt: () => string | undefined
  /** What the plugin keeps beyond a reload, shared by its workers and processes. */
  readonly state: PluginState
  /** The other instances of the plugin: in other processes, on other machines, and in workers. */
  readonly peers: PluginPeers
  /** Counters, gauges and histograms: `portcullis_plugin_…`. */
  readonly metrics: PluginMetrics
  /** HTTP to sources of verification, within bounds. */
  readonly fetch: PluginFetch
  /** Aborts when the plugin is unloaded: at a reload or at shutdown. */
  readonly signal: AbortSignal
}

/** A plugin's default export. Called once; if it returns a promise, start-up waits for it. */
export type PluginInit<Options = Readonly<Record<string, unknown>>> = (
  context: PluginContext<Options>,
) => void | Promise<void>
