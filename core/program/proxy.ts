/**
 * The composition root: a configuration folder becomes a running proxy.
 *
 *     readConfiguration -> makeGeneration -> ports open -> serving --reload()--> serving on a new generation
 *                                         \--stop()--> draining -> stopped
 *
 * Every part that lives longer than a generation asks `generations.current()` at each use. Handshakes that are parked at a
 * reload finish on the plugins that hold them; the old plugins are unloaded when the last of these handshakes has ended.
 */
import type { Admin } from '../admin/server.js'
import { errorText } from '../base/edge.js'
import { ConnectionCounts } from '../http/listener/connection-limits.js'
import { createListener, type Listener } from '../http/listener/listener.js'
import type { Forwarder } from '../http/transaction/forward.js'
import type { Summary } from '../http/transaction/summary.js'
import type { OriginConnector } from '../origin/connect.js'
import { readConfiguration } from '../settings/settings.js'
import { ofConnect } from './access-log.js'
import { discard, type Logs, makeGeneration, openLogs, type Place, warningsOf } from './generation.js'
import { Generations } from './generations.js'
import { tellClosed, tellReady, tellShutdown } from './lifecycle.js'
import type { Manager } from './management.js'
import { manage } from './open-admin.js'
import { type Connecting, makeConnecting } from './wiring/inbound/connect.js'
import { plainPort } from './wiring/inbound/plain-port.js'
import { securePort } from './wiring/inbound/secure-port.js'
import { makeDial } from './wiring/outbound/dial.js'
import { makeConnector, makeForwarder } from './wiring/outbound/forwarding.js'
import { ownPorts } from './wiring/own-ports.js'

export interface OpenPort {
  readonly address: string
  readonly port: number
}

export class ProxyServer {
  readonly #place: Place
  readonly #logs: Logs
  readonly #connector: OriginConnector
  readonly #forwarder: Forwarder
  readonly #connect: Connecting
  readonly #counts: ConnectionCounts
  readonly #listeners: Listener[] = []
  readonly #generations: Generations
  #reloading: Promise<unknown> = Promise.resolve()
  #isStopping = false
  #admin: Promise<Pick<Admin, 'close'>> | undefined
  readonly #managementPorts: OpenPort[] = []
  /** Where clients may connect, in the order of proxy.config.http.server_ports. */
  readonly ports: OpenPort[] = []

  private constructor(place: Place, logs: Logs, generations: Generations) {
    this.#place = place
    this.#logs = logs
    this.#generations = generations
    const { current } = generations
    this.#counts = new ConnectionCounts(
      () => current().settings.listener.connections,
      message => logs.diags.warning(message),
    )
    const dial = makeDial(
      current,
      ownPorts(() => [...this.ports, ...this.#managementPorts]),
    )
    this.#connector = makeConnector(current, logs, dial)
    this.#forwarder = makeForwarder(current, logs.queue, this.#connector, this.#onOver)
    this.#connect = makeConnecting({
      current,
      dial,
      connector: this.#connector,
      forwarder: this.#forwarder,
      revoking: logs.revoking,
      inside: logs,
      warn: message => logs.diags.warning(message),
      onDone: summary => this.#onOver(ofConnect(summary)),
      onRefused: this.#onOver,
    })
  }

  /**
   * Reads everything and opens the ports. A failure closes what was open.
   * @throws {ProxyError} with every mistake of all files, or PTC_PORT_UNAVAILABLE
   */
  static async start(place: Place): Promise<ProxyServer> {
    const configuration = readConfiguration(place)
    const logs = openLogs(place, configuration.settings)
    const first = await makeGeneration(place, logs, configuration)
    const proxy = new ProxyServer(place, logs, new Generations(first))
    try {
      await proxy.#open()
    } catch (cause) {
      await proxy.stop(0)
      throw cause
    }
    return proxy
  }

  async #open(): Promise<void> {
    const { current } = this.#generations
    const first = current()
    this.#logs.access.configure(first.settings.accessLog)
    for (const warning of warningsOf(first)) this.#logs.diags.warning(warning)
    this.#logs.diags.note(`trusting ${first.contexts.trusts}`)
    const secure = securePort(current, this.#logs)
    const plain = plainPort(() => current().vconns, this.#logs)
    for (const { address, port, isTls } of first.settings.listener.ports) {
      const listener = createListener({
        forward: this.#forwarder,
        limits: () => current().settings.listener.limits,
        admit: req => current().access.admit(req),
        pages: () => current().pages,
        onConnect: this.#connect.handler.handle,
        isWelcome: this.#counts.take,
        onAccepted: () => this.#logs.queue.yieldToAccepts(),
        port: isTls ? secure : plain,
        onRefused: this.#onOver,
      })
      this.#listeners.push(listener)
      const opened = await listener.listen(port, address)
      this.ports.push({ address: opened.address, port: opened.port })
      this.#logs.services.ports.push({ address: opened.address, port: opened.port })
    }
    tellReady(current().vconns, this.ports)
  }

  readonly #onOver = (summary: Summary): void => {
    this.#logs.access.log(summary)
    tellClosed(this.#generations.current().vconns, summary)
  }

  /**
   * Reads the configuration again. New handshakes use the new generation; ports stay as they are. Reloads that overlap
   * happen one after another.
   * Returns the records that have changed and need a restart, with the place where they were set.
   * @throws {ProxyError} what is wrong with it, which is logged, too; the old generation stays in force
   */
  reload(): Promise<readonly string[]> {
    const reload = this.#reloading.then(() => this.#reload())
    this.#reloading = reload.catch((cause: unknown) => {
      const lines = ['reload failed, the old configuration goes on', ...errorText(cause).split('\n')]
      for (const line of lines) this.#logs.diags.error(line)
    })
    return reload
  }

  async #reload(): Promise<readonly string[]> {
    if (this.#isStopping) return []
    const { current } = this.#generations
    const configuration = readConfiguration(this.#place, current().settings)
    const next = await makeGeneration(this.#place, this.#logs, configuration)
    if (this.#isStopping) {
      discard(next)
      return []
    }
    try {
      this.#logs.access.configure(next.settings.accessLog)
    } catch (cause) {
      discard(next)
      throw cause
    }
    this.#generations.replace(next)
    this.#logs.diags.reconfigure(next.debug)
    for (const warning of warningsOf(next)) this.#logs.diags.warning(warning)
    this.#connector.closeStale()
    tellReady(next.vconns, this.ports)
    this.#logs.diags.note('configuration reloaded')
    return configuration.waiting
  }

  /** Takes no new clients, lets requests end for `grace` milliseconds, then ends them. */
  async stop(grace: number): Promise<void> {
    if (!this.#isStopping) tellShutdown(this.#generations.current().vconns, grace)
    this.#isStopping = true
    const timer = setTimeout(() => this.#connect.handler.destroyAll(), grace)
    this.#connect.drain()
    await Promise.all(this.#listeners.map(listener => listener.close(grace)))
    clearTimeout(timer)
    this.#connector.closeIdle()
    await this.#reloading
    await (await this.#admin)?.close()
    await this.#generations.end()
    await this.#logs.close()
  }

  /** Opens the management socket and port, if there are to be any. To be called once. */
  async manage(manager: Manager): Promise<void> {
    this.#admin = manage(
      {
        place: this.#place,
        logs: this.#logs,
        generations: this.#generations,
        isStopping: () => this.#isStopping,
        ports: this.ports,
        idleConnections: () => this.#connector.idleConnections,
        reload: () => this.reload(),
        pluginMetrics: () => this.pluginMetrics(),
        onPort: port => {
          this.#managementPorts.push(port)
          this.#logs.services.ports.push(port)
        },
      },
      manager,
    )
    await this.#admin
  }

  /** Writes down what has gone wrong where nothing could catch it. */
  tellFault(message: string): void {
    this.#logs.diags.error(`${message}; the proxy goes on`)
  }

  /** What plugins count, in the text format of Prometheus. */
  pluginMetrics(): Promise<string> {
    return this.#logs.services.shared.metrics.text()
  }

  /** Opens the log files anew under their names, after a rotation. */
  reopenLogs(): void {
    this.#logs.reopen()
    this.#logs.diags.note('log files opened anew')
  }
}
