/**
 * The composition root: a configuration folder becomes a running proxy.
 *
 *     readSetup -> ports open -> serving --reload()--> serving on a new setup
 *                                    \--stop()--> draining -> stopped
 *
 * Handshakes that are parked when the configuration is read again finish on the plugins that hold them; the old plugins
 * are unloaded when the last of those has ended.
 */
import type { Admin } from '../admin/server.js'
import { errorText } from '../base/error-text.js'
import { ConnectionCounts } from '../http/listener/connection-limits.js'
import { createListener, type Listener } from '../http/listener/listener.js'
import type { Forwarder } from '../http/transaction/forward.js'
import type { Summary } from '../http/transaction/summary.js'
import type { OriginConnector } from '../origin/connect.js'
import { ofConnect } from './access-log.js'
import { type Generation, type Logs, openLogs, type Place, readGeneration, warningsOf } from './generation.js'
import { tellClosed, tellReady, tellShutdown } from './lifecycle.js'
import { type Manager, manage } from './management.js'
import { discard, handshakesEnd, isInUse } from './retire.js'
import { type Connecting, makeConnecting } from './wiring/inbound/connect.js'
import { plainPort } from './wiring/inbound/plain-port.js'
import { securePort } from './wiring/inbound/secure-port.js'
import { makeDial } from './wiring/outbound/dial.js'
import { makeConnector, makeForwarder } from './wiring/outbound/forwarding.js'
import { ownPorts } from './wiring/own-ports.js'

/** How often a retired setup is looked at, in milliseconds. */
const RETIRE_INTERVAL = 250

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
  readonly #fronts: Listener[] = []
  /** Setups that a reload has replaced, and the timers that look after them. */
  readonly #retiring = new Map<Generation, NodeJS.Timeout>()
  #reloading: Promise<unknown> = Promise.resolve()
  #isStopping = false
  /** How often the configuration has been read. */
  #generation = 1
  #admin: Promise<Admin | undefined> | undefined
  #setup: Generation
  /** Where clients may connect, in the order of proxy.config.http.server_ports. */
  readonly ports: OpenPort[] = []

  private constructor(place: Place, logs: Logs, setup: Generation) {
    this.#place = place
    this.#logs = logs
    this.#setup = setup
    this.#counts = new ConnectionCounts(
      () => this.#setup.settings.listener.connections,
      message => logs.diags.warning(message),
    )
    const dial = makeDial(
      () => this.#setup,
      ownPorts(() => this.ports),
    )
    this.#connector = makeConnector(() => this.#setup, logs, dial)
    this.#forwarder = makeForwarder(
      () => this.#setup,
      logs.queue,
      this.#connector,
      summary => this.#onOver(summary),
    )
    this.#connect = makeConnecting({
      setup: () => this.#setup,
      dial,
      connector: this.#connector,
      forwarder: this.#forwarder,
      limits: setup.settings.listener.limits,
      revoking: logs.revoking,
      inside: logs,
      warn: message => logs.diags.warning(message),
      onDone: summary => this.#onOver(ofConnect(summary)),
      onRefused: summary => this.#onOver(summary),
    })
  }

  /**
   * Reads everything and opens the ports. A failure closes what was open.
   * @throws {ProxyError} with every mistake of the file that is at fault, or PTC_PORT_UNAVAILABLE
   */
  static async start(place: Place): Promise<ProxyServer> {
    const logs = openLogs(place)
    const proxy = new ProxyServer(place, logs, await readGeneration(place, logs))
    try {
      await proxy.#open()
    } catch (cause) {
      await proxy.stop(0)
      throw cause
    }
    return proxy
  }

  async #open(): Promise<void> {
    const { diags, access } = this.#logs
    access.configure(this.#setup.settings.accessLog)
    for (const warning of warningsOf(this.#setup)) diags.warning(warning)
    diags.note(`trusting ${this.#setup.contexts.trusts}`)
    const secure = securePort(() => this.#setup, this.#logs)
    const plain = plainPort(() => this.#setup.vconns, this.#logs)
    for (const { address, port, isTls } of this.#setup.settings.listener.ports) {
      const front = createListener({
        forward: this.#forwarder,
        limits: this.#setup.settings.listener.limits,
        admit: req => this.#setup.access.admit(req),
        pages: () => this.#setup.pages,
        onConnect: this.#connect.handler.handle,
        isWelcome: this.#counts.take,
        onAccepted: () => this.#logs.queue.yieldToAccepts(),
        port: isTls ? secure : plain,
        onRefused: summary => this.#onOver(summary),
      })
      this.#fronts.push(front)
      const opened = await front.listen(port, address)
      this.ports.push({ address: opened.address, port: opened.port })
    }
    tellReady(this.#setup.vconns, this.ports)
  }

  #onOver(summary: Summary): void {
    this.#logs.access.log(summary)
    tellClosed(this.#setup.vconns, summary)
  }

  /**
   * Reads the configuration again. New handshakes use the new setup; ports stay as they are. Reloads that overlap happen
   * one after another.
   * Returns the records that have changed and need a restart, with the place where they were set.
   * @throws {ProxyError} what is wrong with it, which is logged, too; the old setup goes on, and nothing has changed
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
    const setup = await readGeneration(this.#place, this.#logs, this.#setup.settings)
    if (this.#isStopping) {
      discard(setup)
      return []
    }
    try {
      this.#logs.access.configure(setup.settings.accessLog)
    } catch (cause) {
      discard(setup)
      throw cause
    }
    const old = this.#setup
    this.#setup = setup
    this.#generation += 1
    this.#logs.diags.reconfigure(setup.debug)
    for (const warning of warningsOf(setup)) this.#logs.diags.warning(warning)
    this.#connector.closeStale()
    for (const front of [...this.#fronts, this.#connect]) front.configure(setup.settings.listener.limits)
    this.#retire(old)
    tellReady(setup.vconns, this.ports)
    this.#logs.diags.note('configuration reloaded')
    return setup.waiting
  }

  /** Takes no new clients, lets requests end for `grace` milliseconds, then ends them. */
  async stop(grace: number): Promise<void> {
    if (!this.#isStopping) tellShutdown(this.#setup.vconns, grace)
    this.#isStopping = true
    const timer = setTimeout(() => this.#connect.handler.destroyAll(), grace)
    this.#connect.drain()
    await Promise.all(this.#fronts.map(front => front.close(grace)))
    clearTimeout(timer)
    this.#connector.closeIdle()
    await this.#reloading
    const setups = [this.#setup, ...this.#retiring.keys()]
    for (const timer of this.#retiring.values()) clearInterval(timer)
    await handshakesEnd(setups)
    await (await this.#admin)?.close()
    for (const setup of setups) discard(setup)
    await this.#logs.close()
  }

  /** Opens the management socket, if there is to be one. To be called once. */
  async manage(manager: Manager): Promise<void> {
    this.#admin = manage(
      {
        place: this.#place,
        logs: this.#logs,
        setups: () => [this.#setup, ...this.#retiring.keys()],
        generation: () => this.#generation,
        isStopping: () => this.#isStopping,
        ports: this.ports,
        idleConnections: () => this.#connector.idleConnections,
        reload: () => this.reload(),
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
    return this.#logs.services.metrics.text()
  }

  /** Opens the log files anew under their names, after a rotation. */
  reopenLogs(): void {
    this.#logs.reopen()
    this.#logs.diags.note('log files opened anew')
  }

  #retire(setup: Generation): void {
    const timer = setInterval(() => {
      if (isInUse(setup)) return
      clearInterval(timer)
      this.#retiring.delete(setup)
      discard(setup)
    }, RETIRE_INTERVAL)
    this.#retiring.set(setup, timer)
  }
}
