import type { HookEvents, HookId, HookOptions } from '../../api/hooks.js'
import { type AskHook, isAsked, type TellHook } from '../../hooks/hook-ids.js'
import type { PluginEnv } from '../load.js'
import type { HostedServices } from '../services/services.js'
import {
  type IsolateDiags,
  IsolatedPlugin,
  type IsolateLimits,
  type WorkersState,
} from './isolated-plugin.js'
import type { HookUse } from './messages.js'

/** The module that a worker runs. */
const ENTRY = new URL('./entry.cjs', import.meta.url)

/** What can be asked about a plugin that runs in workers. */
export interface InWorkers {
  /** Those that the plugin is on; here something stands in for it on a few more. */
  readonly hooks: ReadonlySet<HookId>
  readonly state: () => WorkersState
  /** Ends when they have ended, or had the time for it, after the plugin was unloaded. */
  readonly unloaded: () => Promise<void>
}

export interface IsolateOptions {
  readonly memoryMb: number
  readonly limits: IsolateLimits
  readonly diagsFor: (plugin: string) => IsolateDiags
  readonly servicesFor: (plugin: string) => HostedServices
  /** Called for every plugin that is loaded, by its line in plugin.config. */
  readonly onLoaded?: ((line: number, plugin: InWorkers) => void) | undefined
}

/**
 * What stands in for a plugin with `@isolate=worker`: an init that loads the plugin in its workers, puts on every hook that it
 * wants a continuation which passes the event on, and passes on what operators ask of its topics.
 */
export function isolateWith({
  memoryMb,
  limits,
  diagsFor,
  servicesFor,
  onLoaded,
}: IsolateOptions): NonNullable<PluginEnv['isolate']> {
  return async (path, line, signal, managed) => {
    const { makeThreads } = await import('./threads.js') // and with it what few configurations need
    const taken = managed.owners
    const threads = makeThreads({ entry: ENTRY, path, line, taken, count: limits.workers, memoryMb })
    const plugin = new IsolatedPlugin(
      line.name,
      threads,
      limits,
      diagsFor(line.name),
      servicesFor(line.name),
      line.options.mode === 'shadow',
    )
    let unloading: Promise<void> | undefined
    const unload = (): void => {
      unloading ??= plugin.unload()
    }
    if (signal.aborted) unload()
    signal.addEventListener('abort', unload, { once: true })
    const { hooks: uses, topics } = await plugin.load()
    const hooks = new Set(uses.map(({ id }) => id))
    onLoaded?.(line.line, { hooks, state: () => plugin.state, unloaded: async () => unloading })
    return ({ hookAdd }) => {
      // What a worker says that it has, another plugin may have already: that is an error, as it is in init.
      for (const topic of topics) managed.addCalls(line.name, topic, plugin.callsOf(topic))
      for (const [id, ofHook] of byHook(uses))
        for (const [i, { options }] of ofHook.entries()) add(id, i, options)
      for (const id of ['TS_VCONN_CLOSE_HOOK', 'TS_VCONN_OUTBOUND_CLOSE_HOOK'] as const) {
        hookAdd(id, ({ id: vconn }) => plugin.forget(vconn))
      }
      if (uses.some(({ id }) => id.startsWith('TS_HTTP_')))
        hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ id }) => {
          if (id !== undefined) plugin.forget(`transaction ${id}`)
        })

      /** A notification goes once to all continuations of the plugin: by the first that stands in for one. */
      function add(id: HookId, index: number, options: HookOptions): void {
        const continuation = (event: HookEvents[HookId]): unknown => {
          // Which events come with which hook is in the types of the API; those of one variable cannot say it.
          if (isAsked(event)) return plugin.ask(id as AskHook, index, event)
          return index === 0 ? plugin.tell(id as TellHook, event) : undefined
        }
        hookAdd(id, continuation, options)
      }
    }
  }
}

function byHook(uses: readonly HookUse[]): ReadonlyMap<HookId, readonly HookUse[]> {
  const all = new Map<HookId, HookUse[]>()
  for (const use of uses) all.set(use.id, [...(all.get(use.id) ?? []), use])
  return all
}
