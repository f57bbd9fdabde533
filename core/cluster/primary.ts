/**
 * The process that was started, where several serve: it supervises them, and answers operators for all of them. It serves no
 * client, and loads no plugin.
 */
import type { Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import type { AdminApi } from '../admin/admin-api.js'
import { authorityText } from '../base/authority.js'
import { Diags } from '../base/diags.js'
import { errorText } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import type { LogSink } from '../log/log-file.js'
import type { OwnListener } from '../origin/denied-addresses.js'
import { openSink } from '../program/log-sink.js'
import { type ManagementPort, openAdmin } from '../program/open-admin.js'
import type { Place } from '../program/place.js'
import { type Reloaded, Reloads } from '../program/reloads.js'
import type { Settings } from '../settings/settings.js'
import { unlessGone } from './calls.js'
import type { Fleet } from './fleet/fleet.js'
import { HandedOver } from './handed-over.js'
import type { LastFigures, Welcome } from './member.js'
import { mergedApi } from './merged-api.js'
import { MergedMetrics } from './merged-metrics.js'
import { RollingRestart } from './rolling-restart.js'
import { SharedState } from './shared-state.js'
import { ServingProcess, type SupervisorOptions } from './supervisor.js'

/** Milliseconds that a process has for its end beside what its requests have. */
const END_SPARE = 5000

export interface PrimaryOptions {
  /** Other machines; undefined without them. */
  readonly fleet: Pick<Fleet, 'withdraw' | 'others'> | undefined
  readonly fork: () => Worker
  readonly pid: number
  /** Begins the stop. Returns how long requests may go on, in milliseconds. */
  readonly stop: () => number
}

export class Primary {
  readonly #places: ServingProcess[] = []
  readonly #options: SupervisorOptions
  readonly #sink: LogSink
  readonly #diags: Diags
  readonly #viaToken = randomBytes(4).toString('hex')
  readonly #state = new SharedState()
  readonly #metrics = new MergedMetrics(this.#places)
  readonly #managementPorts: ManagementPort[] = []
  readonly #reloads = new Reloads(
    what => this.#reload(what),
    message => this.#diags.error(message),
  )
  #isStopping = false
  #isDraining = false
  /** What an operator has switched debug lines to since the last reload. */
  #debugTags: string | null | undefined
  #api: AdminApi | undefined
  #admin: { close(): Promise<void> } | undefined
  #ports: readonly { readonly address: string; readonly port: number }[] = []

  private constructor(place: Place, settings: Settings, { fork, fleet }: PrimaryOptions) {
    const onTrouble = (message: string): void => place.print('stderr', message)
    const shared = { isOurs: false, writers: 1, onRolled: () => undefined }
    this.#sink = openSink(settings.diags.target, place.print, onTrouble, shared)
    this.#diags = new Diags({ sink: line => this.#sink.write(line), enabled: false, tags: null })
    const count = settings.processes
    const onFault = (why: Error): void => this.#diags.error(describe(why))
    this.#options = {
      fork,
      handedOver: new HandedOver(() => this.#isStopping, onFault),
      error: (message: string) => this.#diags.error(message),
      onEnded: this.#metrics.ended,
      handlersFor: (one: ServingProcess, started: number) => ({
        welcome: (): Welcome => {
          one.onReachable()
          return {
            managementPorts: this.#managementPorts,
            count,
            rollsLogs: one === this.#places[0],
            viaToken: this.#viaToken,
          }
        },
        lastAnswer: (last: LastFigures | undefined) => this.#metrics.takeLast(started, last),
        rolled: () => this.#reopenIn(this.#places.filter(place => place !== one)),
        serving: (ports: OwnListener[]) => {
          this.#ports = ports
          one.onServing()
          this.#metrics.began(one)
          if (this.#isDraining) one.call('drain', true).catch(() => undefined)
          if (this.#debugTags !== undefined) one.call('debug', this.#debugTags).catch(() => undefined)
        },
        state: this.#state.handle,
        revoke: (wanted: unknown, by: string) => this.#revokeInOthers(one, wanted, by),
        publish: (plugin: string, message: unknown) => this.#publish(one, plugin, message),
      }),
    }
    // What others tell is for those that serve, and so is the trouble with Redis.
    void fleet?.others.attach({
      revokeHere: () => undefined,
      withdrawHere: async () => undefined,
      deliver: async () => undefined,
      warn: () => undefined,
    })
    for (let i = 0; i < count; i += 1) this.#places.push(this.#newPlace())
  }

  #newPlace(): ServingProcess {
    const taken = new Set(this.#places.map(({ index }) => index))
    let index = 0
    while (taken.has(index)) index += 1
    return new ServingProcess(index, this.#options)
  }

  /**
   * Opens the management API, and starts all processes.
   * @returns undefined when the first process could not start: it has said why
   */
  static async start(
    place: Place,
    settings: Settings,
    options: PrimaryOptions,
  ): Promise<Primary | undefined> {
    const primary = new Primary(place, settings, options)
    await primary.#manage(place, settings, options)
    const [first, ...others] = primary.#places
    await first?.startFirst()
    if (first?.isServing !== true) {
      await primary.stop(0)
      return undefined
    }
    await Promise.all(others.map(other => other.start()))
    for (const { address, port } of primary.#ports)
      place.print('stdout', `portcullis listens on ${authorityText(address, port)}`)
    return primary
  }

  async #manage(place: Place, settings: Settings, { pid, stop, fleet }: PrimaryOptions): Promise<void> {
    const restart = new RollingRestart({
      places: this.#places,
      newPlace: () => this.#newPlace(),
      isStopping: () => this.#isStopping,
      alone: work => this.#reloads.alone(work),
      note: message => this.#diags.note(message),
      error: message => this.#diags.error(message),
    })
    const api = mergedApi({
      places: this.#places,
      totals: this.#metrics.totals,
      place,
      fleetState: fleet?.others.fleetState,
      tellOthers: fleet && ((wanted, by) => fleet.withdraw(wanted, by)),
      pid,
      stop,
      isStopping: () => this.#isStopping,
      startedAt: performance.now(),
      reload: what => this.reload(what),
      onDebug: tags => {
        this.#debugTags = tags
      },
      onDrain: isOn => {
        this.#isDraining = isOn
      },
      restart: () => restart.begin(settings.stopGrace + END_SPARE),
    })
    this.#api = api
    this.#admin = await openAdmin({
      settings: settings.admin,
      diags: this.#diags,
      api,
      metrics: this.#metrics,
      onPort: port => this.#managementPorts.push(port),
    })
  }

  /**
   * Reads the configuration again in every process. It comes into force in all of them, or in none.
   * Returns the records that have changed and need a restart.
   * @throws {ProxyError} what is wrong with it, which is logged, too; the old one stays in force
   */
  reload(what?: Reloaded): Promise<readonly string[]> {
    return this.#reloads.run(what)
  }

  async #reload(what: Reloaded): Promise<readonly string[]> {
    // One that starts may have read the files as they were.
    await Promise.all(this.#places.map(place => place.settled))
    // One that stops begins nothing that another configuration could change.
    const serving = this.#places.filter(({ isServing, isStopping }) => isServing && !isStopping)
    const [first, ...others] = serving
    if (first === undefined) throw new ProxyError('PTC_PROCESS_GONE', 'no process serves at this moment')
    // One that ends meanwhile has a successor, which reads the files itself.
    try {
      // What is wrong is found by the first; the others then read the same.
      await unlessGone(first.call('prepareReload', what))
      await Promise.all(others.map(one => unlessGone(one.call('prepareReload', what))))
    } catch (cause) {
      await Promise.allSettled(serving.map(one => one.call('abandonReload')))
      throw cause
    }
    this.#debugTags = undefined
    const waiting = await Promise.all(serving.map(one => unlessGone(one.call('commitReload'))))
    return (waiting.find(records => records !== undefined) ?? []) as readonly string[]
  }

  async #revokeInOthers(origin: ServingProcess, wanted: unknown, by: string): Promise<void> {
    const others = this.#places.filter(place => place !== origin && place.isReachable)
    const outcomes = await Promise.allSettled(others.map(place => place.call('revokeHere', wanted, by)))
    for (const outcome of outcomes)
      if (outcome.status === 'rejected' && ProxyError.codeOf(outcome.reason) !== 'PTC_PROCESS_GONE')
        this.#diags.error(`a revocation by ${by} did not reach every process: ${errorText(outcome.reason)}`)
  }

  async #publish(origin: ServingProcess, plugin: string, message: unknown): Promise<void> {
    const others = this.#places.filter(place => place !== origin && place.isReachable)
    await Promise.allSettled(others.map(place => place.call('deliver', plugin, message)))
  }

  /** Opens the log files anew under their names, after a rotation. */
  reopenLogs(): void {
    this.#reopenIn(this.#places)
  }

  #reopenIn(places: readonly ServingProcess[]): void {
    this.#sink.reopen()
    for (const place of places) place.call('reopenLogs').catch(() => undefined)
  }

  /** Writes down what has gone wrong where nothing could catch it. */
  tellFault(message: string): void {
    this.#diags.error(`${message}; the proxy goes on`)
  }

  /** How many client connections are open, in all processes. */
  async left(): Promise<number> {
    const status = await this.#api?.status()
    return status?.counters.clientConnections ?? 0
  }

  /** Lets the requests of all processes end for `grace` milliseconds. */
  async stop(grace: number): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#places.map(place => place.stop(grace + END_SPARE)))
    await this.#admin?.close()
    await this.#sink.close()
  }
}
