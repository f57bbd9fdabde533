import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HookEvents } from '../api/hooks.js'
import type { VConn } from '../api/vconn.js'
import type { PluginDiags } from '../plugin-host/context.js'
import { loadPlugins, type PluginSet } from '../plugin-host/load.js'
import type { ManagedCalls } from '../plugin-host/topics/answers.js'
import { Revoking } from '../program/revoking.js'
import { HookPoints } from '../program/wiring/hook-points.js'
import { type InboundHooks, makeInboundHooks } from '../program/wiring/inbound/hooks.js'
import { makeIsolate } from '../program/wiring/isolate.js'
import { type Askers, makeAskers } from '../program/wiring/outbound/askers.js'
import { makeNames } from '../program/wiring/outbound/names.js'
import { ProxyServices, servicesOf } from '../program/wiring/plugin-services.js'
import { VConns } from '../program/wiring/vconns.js'
import { configurationOf, type Settings } from '../settings/settings.js'
import { makeTerms } from '../tls/judge/terms.js'
import { VerdictCache } from '../tls/judge/verdict-cache.js'
import { Judgement } from '../tls/outbound/judgement.js'
import { type HandshakeObserver, QUIET } from '../tls/outbound/observer.js'
import type { OutboundAsker } from '../tls/outbound/settings.js'
import type { PluginRefused } from '../wait/refusal.js'
import { type ClientFacts, type ClientHook, ClientJudgement } from './client-judgement.js'
import { type MadeUpEnd, openConnection, startConnection, type TestConnection } from './connection.js'
import { KitHandshake, type Outcome, type TestHandshake, toOutcome } from './handshake.js'
import type { Kit, KitOptions, Told } from './kit-calls.js'
import { type LiveOrigin, LiveOrigins, lineOf } from './live.js'
import { askingFor, type Origin, toEvidence } from './origin.js'
import { Recorder } from './recorder.js'
import { KitTransaction, type TestTransaction, type TransactionFacts } from './transaction.js'
import { settle, VirtualTime } from './virtual-time.js'

export { type CertificateWanted, makeChain } from './certificates.js'
export type { ClientFacts, ClientHook } from './client-judgement.js'
export type { TestConnection } from './connection.js'
export type { Call, Outcome, TestHandshake } from './handshake.js'
export type { Kit, KitOptions } from './kit-calls.js'
export type { LiveOrigin } from './live.js'
export { certificatesOf, type Origin } from './origin.js'
export type { TestMessage, TestTransaction, TransactionFacts } from './transaction.js'

/**
 * Loads plugins for a test.
 *
 * ```ts
 * const kit = await openKit(import.meta.url, 'my-plugin.js @deadline=500 hosts=a.example')
 * ```
 *
 * A line with `@isolate=worker` loads its plugin in workers, as the proxy does. Their answers take real time (`ended`,
 * `logged`), and so does their `schedule`; deadlines are the kit's, and pass by `advance`.
 *
 * @param from the test file: paths of plugins and PEM files begin in its folder
 * @param lines lines of plugin.config
 * @throws {ProxyError} every error that would stop the proxy's start
 */
export async function openKit(
  from: string | URL,
  lines: string | readonly string[],
  options: KitOptions = {},
): Promise<Kit> {
  const folder = dirname(fileURLToPath(from))
  const given = { 'proxy.config.ssl.client.verify.server.override': 1, ...options.records } as const
  const text = typeof lines === 'string' ? lines : lines.join('\n')
  const { settings, pluginLines } = configurationOf(given, text, folder)
  const time = new VirtualTime()
  const log: string[] = []
  const diags: PluginDiags = {
    debug: (tag, message) => log.push(`DEBUG ${tag} ${message}`),
    // Lines of the loader are not lines of a plugin.
    note: message => (message.startsWith('[') ? log.push(`NOTE ${message}`) : undefined),
    error: message => log.push(`ERROR ${message}`),
  }
  const revoking = new Revoking(message => log.push(`NOTE ${message}`))
  const { revoke } = revoking
  const servicesFor = servicesOf(new ProxyServices(), {
    names: makeNames(settings.names, new Map(), {}),
    startTls: () => undefined,
    warn: message => log.push(`WARNING ${message}`),
  })
  const plugins = await loadPlugins(pluginLines, {
    confDir: folder,
    pluginDir: '.',
    shippedDirs: [],
    // Node reports at the import whether it runs TypeScript.
    stripsTypes: true,
    initTimeout: settings.plugins.initTimeout,
    time,
    revoke,
    diags,
    isolate: makeIsolate(settings.plugins.workers, diags, { ignoredReenable: () => {} }, revoke, servicesFor),
    servicesFor,
  })
  const verdicts = new VerdictCache(settings.verification.maxVerdicts)
  revoking.enter(verdicts, undefined)
  return new PluginKit(plugins, verdicts, settings, folder, time, log)
}

class PluginKit implements Kit {
  readonly log: readonly string[]
  readonly #plugins: PluginSet
  readonly #settings: Settings
  readonly #folder: string
  readonly #time: VirtualTime
  readonly #points: HookPoints
  readonly #vconns: VConns
  readonly #recorder = new Recorder()
  readonly #askers: Askers
  /** Made once, because simultaneous equal questions share one call. */
  readonly #asked: readonly OutboundAsker[]
  readonly #clientHooks: InboundHooks
  readonly #observer: HandshakeObserver
  readonly #live: LiveOrigins

  constructor(
    plugins: PluginSet,
    verdicts: VerdictCache,
    settings: Settings,
    folder: string,
    time: VirtualTime,
    log: string[],
  ) {
    const { registry } = plugins
    const recorder = this.#recorder
    const onError = (message: string): void => void log.push(`ERROR ${message}`)
    const observer: HandshakeObserver = {
      ...QUIET,
      pluginFailed: (plugin, host, cause) => recorder.failed(plugin, host, cause),
    }
    const verifiers = recorder.wrap(registry)
    this.log = log
    this.#plugins = plugins
    this.#settings = settings
    this.#folder = folder
    this.#time = time
    const points = { registry: verifiers, deadline: settings.plugins.deadline, observer }
    this.#points = new HookPoints({ ...points, time })
    this.#vconns = new VConns(registry, this.#points, onError)
    this.#observer = observer
    this.#askers = makeAskers(verifiers, verdicts, observer)
    this.#asked = this.#askers.under({ digest: '' })
    this.#clientHooks = makeInboundHooks(verifiers)
    const real = new HookPoints(points)
    const live = { settings, verifiers, registry, points: real, recorder, observer, onError }
    this.#live = new LiveOrigins(live)
  }

  async park(origin: Origin): Promise<TestHandshake> {
    const evidence = await toEvidence(origin, this.#folder)
    const { port = 443 } = origin
    const { deadline, terms } = this.#settings.verification
    const shadows = this.#askers.shadows(deadline)
    const { names, completers } = this.#askers
    return await this.#parked({ direction: 'outbound', host: evidence.host, port }, (vconn, onEnd) => {
      const judged = {
        evidence,
        port,
        asking: askingFor(origin),
        vconn,
        terms: makeTerms(terms, names, false, shadows.length > 0, undefined, undefined, completers),
        askers: this.#asked,
        shadows,
        deadline,
        observer: this.#observer,
        time: this.#time,
      }
      return new Judgement(judged, end => onEnd(toOutcome(end)))
    })
  }

  parkClient<H extends ClientHook>(hook: H, facts: ClientFacts<H>): Promise<TestHandshake> {
    return this.#parked({ direction: 'inbound', host: '', port: 0 }, (vconn, onEnd) => {
      const hooks = this.#clientHooks
      const deadline = this.#settings.inboundTls.handshakeTimeout
      const judged = { hook, facts, vconn, hooks, deadline, observer: this.#observer, time: this.#time }
      return new ClientJudgement(judged, onEnd)
    })
  }

  /** Opens a made-up connection, and begins its judgement when the plugins on the start hook have accepted it. */
  async #parked(
    end: MadeUpEnd,
    judge: (vconn: VConn, onEnd: (outcome: Outcome) => void) => { start(): void; abandon(): void },
  ): Promise<TestHandshake> {
    let started: (why: PluginRefused | undefined) => void = () => {}
    const start = new Promise<PluginRefused | undefined>(resolve => {
      started = resolve
    })
    const vconn = startConnection(this.#vconns, end, why => started(why))
    const judgement = judge(vconn.shown, outcome => handshake.end(outcome))
    const calls = this.#recorder.callsFor(vconn.shown.id)
    const handshake = new KitHandshake(vconn, calls, () => judgement.abandon())
    void start.then(why => (why === undefined ? judgement.start() : handshake.end(toOutcome(why))))
    await settle()
    return handshake
  }

  connect(address: string, origin: LiveOrigin = {}): Promise<TestHandshake> {
    return this.#live.connect(address, origin)
  }

  advance(ms: number): Promise<void> {
    return this.#time.advance(ms)
  }

  logged(pattern: RegExp, ms = 5000): Promise<string> {
    return lineOf(this.log, pattern, ms)
  }

  open(direction: VConn['direction'], { host = 'origin.example', port = 443 } = {}): TestConnection {
    return openConnection(this.#vconns, this.#recorder, { direction, host, port })
  }

  transaction(facts: TransactionFacts): TestTransaction {
    return new KitTransaction(this.#vconns, this.#points, this.#recorder, this.#folder, facts)
  }

  async tell<H extends Told>(hook: H, event: HookEvents[H]): Promise<void> {
    await this.#vconns.tell(hook, event)
  }

  managed<T extends keyof ManagedCalls>(topic: T): ManagedCalls[T] | undefined {
    return this.#plugins.managed.get(topic)
  }

  close(): void {
    this.#plugins.unload()
    this.#live.close()
  }
}
