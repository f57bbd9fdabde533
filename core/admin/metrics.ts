import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { HandshakeSteps } from '../api/diagnostics.js'
import { x509NameOf } from '../tls/judge/verdict.js'
import type { AdminApi, Counters } from './admin-api.js'

type Prom = typeof import('prom-client')
const require = createRequire(import.meta.url)

/** Seconds: an answer at once, a service, a person. */
const HOLD_BUCKETS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900]

/** What plugins count. */
export interface PluginTotals {
  /** In the text format of Prometheus. */
  text(): Promise<string>
  /** As plain data. */
  json(): Promise<readonly object[]>
}

/** The metrics of the proxy, in the format of Prometheus. No label is a host: their number is bounded. */
export class ProxyMetrics {
  readonly #registry: InstanceType<Prom['Registry']>
  readonly #plugins: PluginTotals
  readonly #listeners: (readonly [string, (message: unknown) => void])[] = []

  constructor(api: Pick<AdminApi, 'status'>, plugins: PluginTotals) {
    const prom = require('prom-client') as Prom
    const registers = [new prom.Registry()]
    this.#registry = registers[0] ?? new prom.Registry()
    this.#plugins = plugins
    const handshakes = new prom.Counter({
      name: 'portcullis_handshakes_total',
      help: 'Handshakes with origins that were accepted or rejected, and by whom.',
      labelNames: ['result', 'by'],
      registers,
    })
    const verdicts = new prom.Counter({
      name: 'portcullis_verdicts_total',
      help: 'Answers of plugins that counted.',
      labelNames: ['plugin', 'verdict', 'reason'],
      registers,
    })
    const holds = new prom.Histogram({
      name: 'portcullis_hold_seconds',
      help: 'How long plugins held a handshake, for each answer that counted.',
      labelNames: ['plugin', 'verdict'],
      buckets: HOLD_BUCKETS,
      registers,
    })
    const missed = new prom.Counter({
      name: 'portcullis_deadlines_missed_total',
      help: 'Handshakes that were rejected because no answer came in time.',
      registers,
    })
    const gauge = (name: string, help: string, read: (counters: Counters) => number) =>
      new prom.Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(read((await api.status()).counters))
        },
      })
    gauge('portcullis_parked', 'Handshakes with origins that plugins hold now.', ({ parked }) => parked)
    gauge('portcullis_handshakes', 'Handshakes with origins that last now.', c => c.handshakes)
    gauge('portcullis_remembered_verdicts', 'Remembered verdicts.', c => c.rememberedVerdicts)
    gauge('portcullis_idle_connections', 'Idle connections to origins.', c => c.idleConnections)
    prom.collectDefaultMetrics({ register: this.#registry })
    this.#hear('portcullis:handshake:accepted', ({ decidedBy }) => {
      handshakes.inc({ result: 'accepted', by: decidedBy })
    })
    this.#hear('portcullis:handshake:rejected', ({ by }) => {
      handshakes.inc({ result: 'rejected', by })
      if (by === 'deadline') missed.inc()
    })
    this.#hear('portcullis:handshake:reenabled', ({ plugin, verdict, took }) => {
      const reason = verdict.kind === 'reject' ? x509NameOf(verdict.reason) : ''
      verdicts.inc({ plugin, verdict: verdict.kind, reason })
      holds.observe({ plugin, verdict: verdict.kind }, took / 1000)
    })
  }

  async text(): Promise<string> {
    return (await this.#registry.metrics()) + (await this.#plugins.text())
  }

  /** The same as plain data, which another process adds up. */
  async json(): Promise<readonly object[]> {
    return [...(await this.#registry.getMetricsAsJSON()), ...(await this.#plugins.json())]
  }

  close(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener)
    this.#registry.clear()
  }

  #hear<N extends keyof HandshakeSteps>(name: N, on: (step: HandshakeSteps[N]) => void): void {
    const listener = (message: unknown): void => on(message as HandshakeSteps[N])
    this.#listeners.push([name, listener])
    subscribe(name, listener)
  }
}
