import type { X509Certificate } from 'node:crypto'
import type { PluginFetch } from './fetch.js'
import type { HookAdd } from './hooks.js'
import type { ManagedTopics } from './managed.js'
import type { PluginMetrics } from './metrics.js'
import type { PluginPeers } from './peers.js'
import type { Revocation } from './revocation.js'
import type { PluginState } from './state.js'
import type { accept, postpone, reject } from './verdict.js'

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
  /** Whether it runs in a worker (`@isolate=worker`): there `manage` and `seal` do not work. */
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
   * Offers something to operators: their requests about the topic go to `offered`. Only during init, in the proxy's thread,
   * and for one plugin a topic.
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
   * Where people reach the management port: `http://127.0.0.1:9000`. Undefined without one, as long as it is not open, and in
   * a worker.
   */
  readonly managedAt: () => string | undefined
  /** What the plugin keeps beyond a reload, shared by its workers and processes. */
  readonly state: PluginState
  /** The same plugin in other processes. */
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
