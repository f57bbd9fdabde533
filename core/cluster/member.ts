/**
 * One of several processes that serve. It opens the ports together with the others, has no management socket of its own, and
 * does what the supervising process calls for.
 */
import type { Worker } from 'node:cluster'
import type { Counters } from '../admin/admin-api.js'
import type { Manager } from '../program/management.js'
import type { ManagementPort } from '../program/open-admin.js'
import type { OtherProcesses, ThisProcess } from '../program/other-processes.js'
import type { Place } from '../program/place.js'
import { type PreparedReload, ProxyServer } from '../program/proxy.js'
import type { Reloaded } from '../program/reloads.js'
import { Calls, type Handlers } from './calls.js'
import type { Fleet } from './fleet/fleet.js'
import { stateOver } from './shared-state.js'

/** What the supervising process tells each process that it has started. */
export interface Welcome {
  readonly managementPorts: readonly ManagementPort[]
  /** How many serve. */
  readonly count: number
  /** Whether this one rolls the log files. */
  readonly rollsLogs: boolean
  readonly viaToken: string
}

/** What a process had counted when it ends. */
export interface LastFigures {
  readonly metrics: readonly object[]
  readonly totals: Counters
}

/** Milliseconds for the supervising process to answer one that ends. */
const LAST_ANSWER = { taken: 1000, answered: 1000 }

export interface Member {
  readonly proxy: ProxyServer
  /**
   * To be awaited between the stop and the exit: hands over what this process has counted, and connections that were on their way here when the ports were closed have arrived
   * then, and node:cluster has given them to other processes.
   */
  readonly handBack: () => Promise<unknown>
}

/**
 * @param worker this process, as node:cluster sees it
 * @param fleet other machines; undefined without them
 * @throws {ProxyError} as `ProxyServer.start` does
 */
export async function startMember(
  place: Place,
  worker: Pick<Worker, 'send' | 'on'>,
  manager: Manager,
  fleet: Pick<Fleet, 'others'> | undefined,
): Promise<Member> {
  let self: ThisProcess | undefined
  /** Messages that came before this process was attached: its plugins may have read their state already. */
  const early: (() => unknown)[] = []
  // Until it is attached it has opened no port, and nothing rests on acceptances.
  const revokeHere: ThisProcess['revokeHere'] = (wanted, by) => self?.revokeHere(wanted, by)
  const withdrawHere: ThisProcess['withdrawHere'] = async (wanted, by) => {
    if (self !== undefined) return self.withdrawHere(wanted, by)
    early.push(() => self?.withdrawHere(wanted, by))
    return undefined
  }
  const deliver: ThisProcess['deliver'] = async (plugin, message) => {
    if (self === undefined) early.push(() => self?.deliver(plugin, message))
    else await self.deliver(plugin, message)
  }
  const handlers: Record<string, Handlers[string]> = { revokeHere, withdrawHere, deliver }
  const calls = new Calls(message => void worker.send(message), handlers)
  worker.on('message', message => calls.receive(message))
  worker.on('disconnect', () => calls.end('the supervising process has ended'))
  const { managementPorts, count, rollsLogs, viaToken } = (await calls.call('welcome')) as Welcome
  const overCalls: OtherProcesses = {
    stateOf: plugin => stateOver(calls, plugin),
    // By the calls as well, because Redis may be away.
    revoke: (wanted, by) => {
      calls.call('revoke', wanted, by).catch(() => undefined)
      fleet?.others.revoke(wanted, by)
    },
    publish: async (plugin, message) => void (await calls.call('publish', plugin, message)),
    managementPorts,
    count,
    viaToken,
    logs: {
      isOurs: rollsLogs,
      writers: count,
      onRolled: () => void calls.call('rolled').catch(() => undefined),
    },
  }
  const others: OtherProcesses = {
    ...overCalls,
    ...(fleet && {
      stateOf: fleet.others.stateOf,
      publish: fleet.others.publish,
      store: fleet.others.store,
      fleetState: fleet.others.fleetState,
    }),
    attach: async process => {
      self = process
      for (const told of early) await told()
      await fleet?.others.attach(process)
    },
  }
  const proxy = await ProxyServer.start(place, others)
  const served = await handlersOf(proxy, manager)
  Object.assign(handlers, served)
  await calls.call('serving', proxy.ports)
  const handBack = async (): Promise<unknown> => {
    const last = await served.lastFigures().catch(() => undefined)
    return calls.ask('the supervising process', LAST_ANSWER, 'lastAnswer', last).catch(() => undefined)
  }
  return { proxy, handBack }
}

/** What the supervising process may call. */
async function handlersOf(proxy: ProxyServer, manager: Manager) {
  const api = proxy.adminApi(manager)
  const metrics = await proxy.metrics(api)
  let prepared: PreparedReload | undefined
  return {
    ...api,
    metrics: metrics.json,
    sample: metrics.sample,
    counted: metrics.counted,
    lastFigures: async (): Promise<LastFigures> => ({
      metrics: await metrics.counted(),
      totals: (await api.status()).counters,
    }),
    prepareReload: async (what?: Reloaded) => {
      prepared?.abandon()
      prepared = undefined
      prepared = await proxy.prepareReload(what)
    },
    commitReload: () => {
      const ready = prepared
      prepared = undefined
      return ready?.commit() ?? []
    },
    abandonReload: () => {
      prepared?.abandon()
      prepared = undefined
    },
    reopenLogs: () => proxy.reopenLogs(),
  }
}
