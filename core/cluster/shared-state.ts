/** The state of plugins, kept by the supervising process for all that serve. */
import { ProxyError } from '../base/errors.js'
import { MemoryStore, type StateStore } from '../plugin-host/services/state.js'
import type { Calls } from './calls.js'

const OPERATIONS = ['get', 'set', 'delete', 'increment', 'keys'] as const

type Operation = (typeof OPERATIONS)[number]

/** What serves the calls of {@link stateOver}. */
export class SharedState {
  readonly #stores = new Map<string, StateStore>()

  readonly handle = (plugin: string, operation: Operation, ...args: readonly unknown[]): Promise<unknown> => {
    if (!OPERATIONS.includes(operation)) throw new ProxyError('PTC_INTERNAL', `state: no ${operation}`)
    const store = this.#stores.get(plugin) ?? new MemoryStore()
    this.#stores.set(plugin, store)
    return (store[operation] as (...args: readonly unknown[]) => Promise<unknown>)(...args)
  }
}

/** The state of one plugin as a process that serves sees it: each operation is a call. */
export function stateOver(calls: Pick<Calls, 'call'>, plugin: string): StateStore {
  const ask = (operation: Operation, ...args: readonly unknown[]): Promise<unknown> =>
    calls.call('state', plugin, operation, ...args)
  return {
    get: async key => (await ask('get', key)) as string | undefined,
    set: async (key, text, ttl, isNew) => (await ask('set', key, text, ttl, isNew)) as boolean,
    delete: async key => (await ask('delete', key)) as boolean,
    increment: async (key, by, ttl) => (await ask('increment', key, by, ttl)) as number,
    keys: async (prefix, max) => (await ask('keys', prefix, max)) as readonly string[],
  }
}
