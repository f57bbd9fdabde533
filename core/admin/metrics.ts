import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { HandshakeSteps } from '../api/diagnostics.js'
import { floods } from '../base/floods.js'
import { cacheLookups } from '../base/lookups.js'
import { x509NameOf } from '../tls/judge/verdict.js'
import type { AdminApi, Counters, Traffic } from './admin-api.js'
import { PLOTTED, plotted } from './samples.js'

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

/** What the proxy counts beside handshakes. */
export interface ProxyTotals {
  readonly traffic: () => Traffic
  readonly clientConnections: () => number
  /** Living native objects by kind. */
  readonly natives: () => Readonly<Record<string, number>>
}

/** A turn of a plugin that has not ended. */
interface Turn {
  readonly plugin: string
  readonly since: number
}

/** The metrics of the proxy, in the format of Prometheus. No label is a host: their number is bounded. */
export class ProxyMetrics {
  readonly #prom = require('prom-client') as Prom
  readonly #registry = new this.#prom.Registry()
  readonly #plugins: PluginTotals
  readonly #listeners: (readonly [string, (message: unknown) => void])[] = []

  constructor(api: Pick<AdminApi, 'status'>, totals: ProxyTotals, plugins: PluginTotals) {
    this.#plugins = plugins
    this.#prom.collectDefaultMetrics({ register: this.#registry })
    this.#hearHandshakes()
    this.#readStatus(api)
    this.#readTraffic(totals)
    this.#gauge('portcullis_client_connections', 'Connections of clients.', [], gauge =>
      gauge.set(totals.clientConnections()),
    )
    this.#counter(
      'portcullis_cache_lookups_total',
      'What was looked for in caches, and found (hit) or not (miss). connections: idle ones to origins.',
      ['cache', 'result'],
      cacheLookups,
    )
    this.#counter(
      'portcullis_http2_floods_total',
      'Connections of HTTP/2 cut off for too many frames of a kind (head: one without end), by who sent them.',
      ['side', 'frames'],
      floods,
    )
    this.#gauge('portcullis_native_objects', 'Living objects of OpenSSL, by kind.', ['kind'], gauge => {
      for (const [kind, count] of Object.entries(totals.natives())) gauge.set({ kind }, count)
    })
  }

  async text(): Promise<string> {
    return (await this.#registry.metrics()) + (await this.#plugins.text())
  }

  /** The same as plain data, which another process adds up. */
  async json(): Promise<readonly object[]> {
    return [...(await this.#registry.getMetricsAsJSON()), ...(await this.#plugins.json())]
  }

  /** The same without gauges of the proxy: some of them begin a new measurement when they are read. */
  async counted(): Promise<readonly object[]> {
    const { Counter, Histogram } = this.#prom
    const all = this.#registry.getMetricsAsArray().map(({ name }) => this.#registry.getSingleMetric(name))
    const own = all.filter(metric => metric instanceof Counter || metric instanceof Histogram)
    return [...(await Promise.all(own.map(metric => metric.get()))), ...(await this.#plugins.json())]
  }

  /** What the page plots, by name with labels. */
  async sample(): Promise<Readonly<Record<string, number>>> {
    return plotted(await Promise.all(PLOTTED.map(name => this.#registry.getSingleMetric(name)?.get())))
  }

  close(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener)
    this.#registry.clear()
  }

  #hearHandshakes(): void {
    const registers = [this.#registry]
    const { Counter, Histogram } = this.#prom
    const handshakes = new Counter({
      name: 'portcullis_handshakes_total',
      help: 'Handshakes with origins that were accepted or rejected, and by whom.',
      labelNames: ['result', 'by'],
      registers,
    })
    const verdicts = new Counter({
      name: 'portcullis_verdicts_total',
      help: 'Answers of plugins that counted.',
      labelNames: ['plugin', 'verdict', 'reason'],
      registers,
    })
    const holds = new Histogram({
      name: 'portcullis_hold_seconds',
      help: 'How long plugins held a handshake, turn by turn; verdict none: it had ended before the plugin answered.',
      labelNames: ['plugin', 'verdict'],
      buckets: HOLD_BUCKETS,
      registers,
    })
    const missed = new Counter({
      name: 'portcullis_deadlines_missed_total',
      help: 'Handshakes that were rejected because no answer came in time.',
      registers,
    })
    const turns = new Map<number, Turn>()
    const end = (id: number, verdict: string): void => {
      const turn = turns.get(id)
      if (turn === undefined) return
      turns.delete(id)
      holds.observe({ plugin: turn.plugin, verdict }, (performance.now() - turn.since) / 1000)
    }
    this.#hear('portcullis:handshake:asked', ({ id, plugin }) => {
      turns.set(id, { plugin, since: performance.now() })
    })
    this.#hear('portcullis:handshake:reenabled', ({ id, plugin, verdict }) => {
      const reason = verdict.kind === 'reject' ? x509NameOf(verdict.reason) : ''
      verdicts.inc({ plugin, verdict: verdict.kind, reason })
      end(id, verdict.kind)
    })
    this.#hear('portcullis:handshake:granted', ({ id }) => end(id, 'accept'))
    this.#hear('portcullis:handshake:accepted', ({ decidedBy }) => {
      handshakes.inc({ result: 'accepted', by: decidedBy })
    })
    this.#hear('portcullis:handshake:rejected', ({ id, by }) => {
      handshakes.inc({ result: 'rejected', by })
      if (by === 'deadline') missed.inc()
      end(id, 'reject')
    })
    this.#hear('portcullis:handshake:closed', ({ id }) => end(id, 'none'))
  }

  #readStatus(api: Pick<AdminApi, 'status'>): void {
    const read = (name: string, help: string, value: (counters: Counters) => number): void =>
      this.#gauge(name, help, [], async gauge => gauge.set(value((await api.status()).counters)))
    read('portcullis_parked', 'Handshakes with origins that plugins hold now.', ({ parked }) => parked)
    read('portcullis_handshakes', 'Handshakes with origins that last now.', c => c.handshakes)
    read('portcullis_remembered_verdicts', 'Remembered verdicts.', c => c.rememberedVerdicts)
    read('portcullis_idle_connections', 'Idle connections to origins.', c => c.idleConnections)
    this.#gauge('portcullis_workers', 'Worker threads that serve, by plugin.', ['plugin'], async gauge => {
      gauge.reset()
      for (const { name, workers } of (await api.status()).plugins)
        if (workers !== undefined) gauge.inc({ plugin: name }, workers.serving)
    })
  }

  #readTraffic({ traffic }: ProxyTotals): void {
    this.#counter(
      'portcullis_http_requests_total',
      'Requests that were answered, by version of HTTP and class of status; class none: the client left before.',
      ['version', 'class'],
      () => traffic().requests.map(({ count, ...labels }) => [labels, count] as const),
    )
    const bytes = (who: string, received: keyof Traffic & string, sent: keyof Traffic & string): void =>
      this.#counter(
        `portcullis_${who}_bytes_total`,
        `Bytes of bodies and tunnels: received from ${who}s, and sent to them.`,
        ['direction'],
        () => {
          const now = traffic()
          return [
            [{ direction: 'received' }, Number(now[received])],
            [{ direction: 'sent' }, Number(now[sent])],
          ] as const
        },
      )
    bytes('client', 'fromClients', 'toClients')
    bytes('origin', 'fromOrigins', 'toOrigins')
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: (gauge: InstanceType<Prom['Gauge']>) => void | Promise<void>,
  ): void {
    new this.#prom.Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        return read(this)
      },
    })
  }

  /** A counter whose value is kept elsewhere. @param read the sums, by their labels */
  #counter(
    name: string,
    help: string,
    labelNames: string[],
    read: () => Iterable<readonly [Readonly<Record<string, string>>, number]>,
  ): void {
    new this.#prom.Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [labels, sum] of read()) this.inc({ ...labels }, sum)
      },
    })
  }

  #hear<N extends keyof HandshakeSteps>(name: N, on: (step: HandshakeSteps[N]) => void): void {
    const listener = (message: unknown): void => on(message as HandshakeSteps[N])
    this.#listeners.push([name, listener])
    subscribe(name, listener)
  }
}
