/**
 * One of several processes that serve. It opens the ports together with the others, has no management socket of its own, and
 * does what the supervising process calls for.
 */
import type { Worker } from 'node:cluster'
import type { OwnListener } from '../origin/denied-addresses.js'
import type { Place } from '../program/generation.js'
import type { Manager } from '../program/management.js'
import type { OtherProcesses, ThisProcess } from '../program/other-processes.js'
import { type PreparedReload, ProxyServer } from '../program/proxy.js'
import { Calls, type Handlers } from './calls.js'
import type { Fleet } from './fleet/fleet.js'
import { stateOver } from './shared-state.js'

/** What the supervising process tells each process that it has started. */
export interface Welcome {
  readonly managementPorts: readonly OwnListener[]
  /** How many serve. */
  readonly count: number
  /** Whether this one rolls the log files. */
  readonly rollsLogs: boolean
  readonly viaToken: string
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
): Promise<ProxyServer> {
  const handlers: Record<string, Handlers[string]> = {}
  const calls = new Calls(message => void worker.send(message), handlers)
  worker.on('message', message => calls.receive(message))
  worker.on('disconnect', () => calls.end('the supervising process has ended'))
  const { managementPorts, count, rollsLogs, viaToken } = (await calls.call('welcome')) as Welcome
  const overCalls: OtherProcesses = {
    stateOf: plugin => stateOver(calls, plugin),
    revoke: (wanted, by) => void calls.call('revoke', wanted, by).catch(() => undefined),
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
  let self: ThisProcess | undefined
  const others: OtherProcesses = {
    ...overCalls,
    ...fleet?.others,
    attach: process => {
      self = process
      fleet?.others.attach(process)
    },
  }
  const proxy = await ProxyServer.start(place, others)
  Object.assign(handlers, await handlersOf(proxy, manager), {
    revokeHere: self?.revokeHere,
    deliver: self?.deliver,
  })
  await calls.call('serving', proxy.ports)
  return proxy
}

/** What the supervising process may call. */
async function handlersOf(proxy: ProxyServer, manager: Manager): Promise<Handlers> {
  const api = proxy.adminApi(manager)
  const metrics = await proxy.metrics(api)
  let prepared: PreparedReload | undefined
  return {
    ...api,
    metrics: metrics.json,
    prepareReload: async () => {
      prepared?.abandon()
      prepared = undefined
      prepared = await proxy.prepareReload()
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
