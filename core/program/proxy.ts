/**
 * Longer than 250 lines because a running proxy, from its start to its stop, is one concept.
 *
 * The composition root: a configuration folder becomes a running proxy.
 *
 *     readConfiguration -> makeGeneration -> ports open -> serving --reload()--> serving on a new generation
 *                                         \--stop()--> draining -> stopped
 *
 * Every part that lives longer than a generation asks `generations.current()` at each use. Handshakes that are parked at a
 * reload finish on the plugins that hold them; the old plugins are unloaded when the last of these handshakes has ended.
 */
import type { AdminApi } from '../admin/admin-api.js'
import type { PluginTotals } from '../admin/metrics.js'
import type { Admin } from '../admin/server.js'
import { describe } from '../base/thrown.js'
import { after } from '../base/timer.js'
import { ConnectionCounts, shareOf } from '../http/listener/connection-limits.js'
import type { Listener } from '../http/listener/listener.js'
import { OpenTunnels } from '../http/listener/open-tunnels.js'
import type { Forwarder } from '../http/transaction/forward.js'
import type { OriginConnector } from '../origin/connect.js'
import { readConfiguration } from '../settings/settings.js'
import { liveNatives } from '../tls/openssl/owned.js'
import { Finished } from './finished.js'
import { discard, type Generation, makeGeneration, warningsOf } from './generation.js'
import { Generations } from './generations.js'
import { type LastingParts, openLastingParts } from './lasting-parts.js'
import { tellReady, tellShutdown } from './lifecycle.js'
import { checkSink } from './log-sink.js'
import { type Managed, type Manager, makeAdminApi, type ProcessApi } from './management.js'
import { type AdminParts, type MetricsSource, metricsOf, openAdmin } from './open-admin.js'
import type { OtherProcesses } from './other-processes.js'
import type { Place } from './place.js'
import { type Reloaded, Reloads } from './reloads.js'
import { type Connecting, makeConnecting } from './wiring/inbound/connect.js'
import { makePorts } from './wiring/inbound/ports.js'
import { makeDial } from './wiring/outbound/dial.js'
import { makeConnector, makeForwarder, makeVia } from './wiring/outbound/forwarding.js'
import { ownPorts } from './wiring/own-ports.js'
import { withdraw } from './withdrawing.js'

export interface OpenPort {
  readonly address: string
  readonly port: number
}

/** A reading of the configuration that is not in force yet. One of the two is to be called, once. */
export interface PreparedReload {
  /** Returns the records that have changed and need a restart. @throws {ProxyError} PTC_LOG_UNWRITABLE */
  readonly commit: () => readonly string[]
  readonly abandon: () => void
}

export class ProxyServer {
  readonly #place: Place
  readonly #lasting: LastingParts
  readonly #connector: OriginConnector
  readonly #forwarder: Forwarder
  readonly #connect: Connecting
  readonly #counts: ConnectionCounts
  readonly #listeners: Listener[] = []
  readonly #generations: Generations
  readonly #tunnels = new OpenTunnels()
  readonly #finished: Finished
  readonly #reloads: Reloads
  readonly #fleetState: OtherProcesses['fleetState']
  #isStopping = false
  #isDraining = false
  #admin: Promise<Pick<Admin, 'close'>> | undefined
  readonly #managementPorts: OpenPort[] = []
  /** Where clients may connect, in the order of proxy.config.http.server_ports. */
  readonly ports: OpenPort[] = []

  private constructor(
    place: Place,
    lasting: LastingParts,
    generations: Generations,
    others?: OtherProcesses,
  ) {
    this.#place = place
    this.#lasting = lasting
    this.#generations = generations
    this.#fleetState = others?.fleetState
    const { current } = generations
    this.#finished = new Finished(lasting.access, current)
    this.#reloads = new Reloads(
      async what => (await this.prepareReload(what))?.commit() ?? [],
      message => lasting.diags.error(message),
    )
    this.#counts = new ConnectionCounts(
      shareOf(() => current().settings.listener.connections, others?.count ?? 1),
      message => lasting.diags.warning(message),
    )
    lasting.services.managedAt = others?.managementPorts?.[0]?.origin
    for (const port of others?.managementPorts ?? []) this.#hideOrigin(port)
    const via = makeVia(current, others?.viaToken)
    const dial = makeDial(
      current,
      ownPorts(() => [...this.ports, ...this.#managementPorts]),
      via,
      lasting.parents,
      lasting.revoking.log,
    )
    this.#connector = makeConnector(current, lasting, dial)
    this.#forwarder = makeForwarder(
      current,
      lasting.queue,
      this.#connector,
      via,
      this.#tunnels,
      this.#finished.add,
    )
    this.#connect = makeConnecting({
      current,
      dial,
      via,
      connector: this.#connector,
      forwarder: this.#forwarder,
      tunnels: this.#tunnels,
      revoking: lasting.revoking,
      inside: lasting,
      warn: message => lasting.diags.warning(message),
      onDone: this.#finished.add,
    })
  }

  /**
   * Reads everything and opens the ports. A failure closes what was open.
   * @param others undefined where this process serves alone
   * @throws {ProxyError} with every mistake of all files, or PTC_PORT_UNAVAILABLE
   */
  static async start(place: Place, others?: OtherProcesses): Promise<ProxyServer> {
    const configuration = readConfiguration(place)
    const lasting = openLastingParts(place, configuration.settings, others)
    const first = await makeGeneration(place, lasting, configuration)
    const proxy = new ProxyServer(place, lasting, new Generations(first), others)
    await others?.attach?.({
      revokeHere: (wanted, by) => void lasting.revoking.revokeHere(wanted, by),
      withdrawHere: (wanted, by) => {
        const managed = () => proxy.#generations.current().plugins.managed
        return withdraw({ revoking: lasting.revoking, managed }, wanted, by)
      },
      deliver: (plugin, message) => lasting.services.shared.peers.deliver(plugin, message),
      warn: message => lasting.diags.warning(message),
    })
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
    this.#lasting.access.configure(first.settings.accessLog)
    for (const warning of warningsOf(first)) this.#lasting.diags.warning(warning)
    this.#lasting.diags.note(`trusting ${first.contexts.trusts}`)
    const ports = makePorts({
      current,
      lasting: this.#lasting,
      forward: this.#forwarder,
      onConnect: this.#connect.handler.handle,
      isWelcome: this.#counts.take,
      onRefused: this.#finished.add,
    })
    for (const { listener, address, port } of ports) {
      this.#listeners.push(listener)
      const opened = await listener.listen(port, address)
      this.ports.push({ address: opened.address, port: opened.port })
      this.#lasting.services.ports.push({ address: opened.address, port: opened.port })
    }
    tellReady(current().vconns, this.ports)
  }

  /**
   * Reads the configuration again. New handshakes use the new generation; ports stay as they are.
   * Returns the records that have changed and need a restart, with the place where they were set.
   * @throws {ProxyError} what is wrong with it, which is logged, too; the old generation stays in force
   */
  reload(what?: Reloaded): Promise<readonly string[]> {
    return this.#reloads.run(what)
  }

  /**
   * Reads the configuration again and initialises its plugins; nothing of it is in force before its `commit`. Undefined while the
   * proxy stops.
   * @throws {ProxyError} what is wrong with it
   */
  async prepareReload(what: Reloaded = 'configuration'): Promise<PreparedReload | undefined> {
    if (this.#isStopping) return undefined
    const { settings, configuration: inForce, readAt } = this.#generations.current()
    const isWhole = what === 'configuration'
    const configuration = isWhole ? readConfiguration(this.#place, settings) : inForce
    const { accessLog } = configuration.settings
    if (accessLog !== undefined) checkSink(accessLog)
    const made = await makeGeneration(this.#place, this.#lasting, configuration)
    const next = isWhole ? made : { ...made, readAt }
    return {
      commit: () => {
        if (!this.#isStopping) this.#putInForce(next, what)
        else discard(next)
        return configuration.waiting
      },
      abandon: () => discard(next),
    }
  }

  /** @throws {ProxyError} PTC_LOG_UNWRITABLE, and the old generation stays in force */
  #putInForce(next: Generation, what: Reloaded): void {
    try {
      this.#lasting.access.configure(next.settings.accessLog)
    } catch (cause) {
      discard(next)
      throw cause
    }
    this.#generations.replace(next)
    this.#lasting.diags.reconfigure(next.debug)
    for (const warning of warningsOf(next)) this.#lasting.diags.warning(warning)
    this.#connector.closeStale()
    void this.#tunnels.judgeAll(next.access.admitOpen)
    tellReady(next.vconns, this.ports)
    this.#lasting.diags.note(`${what} reloaded`)
  }

  /** Milliseconds that requests have to end, as configured. */
  get stopGrace(): number {
    return this.#generations.current().settings.stopGrace
  }

  /** Takes no new clients, lets requests end for `grace` milliseconds, then ends them. */
  async stop(grace: number): Promise<void> {
    if (!this.#isStopping) tellShutdown(this.#generations.current().vconns, grace)
    this.#isStopping = true
    this.#lasting.stopRolling()
    const timer = after(
      grace,
      () => this.#connect.handler.destroyAll(),
      why => this.tellFault(describe(why)),
    )
    this.#connect.drain(true)
    await Promise.all(this.#listeners.map(listener => listener.close(grace)))
    clearTimeout(timer)
    this.#connector.closeIdle()
    await this.#reloads.ended()
    await (await this.#admin)?.close()
    await this.#generations.end()
    await this.#lasting.close()
  }

  left(): number {
    return this.clientConnections
  }

  /** How many client connections are open. */
  get clientConnections(): number {
    return this.#counts.open
  }

  /**
   * Answers each request so that its client comes back by a new connection, and closes what is idle; the ports stay open. @param isOn
   * false: keeps connections again
   */
  drain(isOn: boolean): void {
    if (isOn === this.#isDraining || this.#isStopping) return
    this.#isDraining = isOn
    this.#lasting.diags.note(
      isOn ? `draining ${this.clientConnections} client connections` : 'draining no more',
    )
    this.#connect.drain(isOn)
    for (const listener of this.#listeners) listener.drain(isOn)
  }

  /** Opens the management socket and port, if there are to be any. To be called once. */
  async manage(manager: Manager): Promise<void> {
    const api = this.adminApi(manager)
    const { diags } = this.#lasting
    const settings = this.#generations.current().settings.admin
    const onPort: AdminParts['onPort'] = port => {
      this.#lasting.services.managedAt = port.origin
      this.#hideOrigin(port)
    }
    this.#admin = this.metrics(api).then(metrics => openAdmin({ settings, diags, api, metrics, onPort }))
    await this.#admin
  }

  /** @param api what counts what there is now */
  metrics(api: AdminApi): Promise<MetricsSource> {
    const { listen } = this.#generations.current().settings.admin
    const totals = {
      traffic: () => this.#finished.traffic(),
      clientConnections: () => this.clientConnections,
      natives: liveNatives,
    }
    return metricsOf(api, listen !== undefined, totals, this.pluginMetrics)
  }

  /** What an operator may ask and do. */
  adminApi(manager: Manager): ProcessApi {
    const managed: Managed = {
      place: this.#place,
      lasting: this.#lasting,
      generations: this.#generations,
      isStopping: () => this.#isStopping,
      isDraining: () => this.#isDraining,
      drain: isOn => this.drain(isOn),
      clientConnections: () => this.clientConnections,
      ports: this.ports,
      idleConnections: () => this.#connector.idleConnections,
      reload: what => this.reload(what),
      fleetState: this.#fleetState,
    }
    return makeAdminApi(managed, manager)
  }

  /** A port of the management API: no client and no plugin may reach it through the proxy. */
  readonly #hideOrigin = (port: OpenPort): void => {
    this.#managementPorts.push(port)
    this.#lasting.services.ports.push(port)
  }

  /** Writes down what has gone wrong where nothing could catch it. */
  tellFault(message: string): void {
    this.#lasting.diags.error(`${message}; the proxy goes on`)
  }

  /** What plugins count. */
  get pluginMetrics(): PluginTotals {
    return this.#lasting.services.shared.metrics
  }

  /** Opens the log files anew under their names, after a rotation. */
  reopenLogs(): void {
    this.#lasting.reopen()
    this.#lasting.diags.note('log files opened anew')
  }
}
