import type { PluginEnv } from '../load.js'
import { type IsolateDiags, IsolatedPlugin, type IsolateLimits } from './isolated-plugin.js'
import type { HookUse } from './messages.js'
import { plainTold } from './plain.js'

export interface IsolateOptions {
  /** The module that a worker runs. */
  readonly entry: URL
  readonly memoryMb: number
  readonly limits: IsolateLimits
  readonly diagsFor: (plugin: string) => IsolateDiags
}

/**
 * What stands in for a plugin with `@isolate=worker`: an init that loads the plugin in its workers, and puts on every hook
 * that it wants a continuation which passes the event on.
 */
export function isolateWith({
  entry,
  memoryMb,
  limits,
  diagsFor,
}: IsolateOptions): NonNullable<PluginEnv['isolate']> {
  return async (path, line, signal) => {
    const { makeThreads } = await import('./threads.js') // and with it what few configurations need
    const threads = makeThreads({ entry, path, line, count: limits.workers, memoryMb })
    const plugin = new IsolatedPlugin(line.name, threads, limits, diagsFor(line.name))
    if (signal.aborted) void plugin.unload()
    signal.addEventListener('abort', () => void plugin.unload(), { once: true })
    const uses = await plugin.load()
    return ({ hookAdd }) => {
      const questions = uses.filter(({ id }) => id === 'TS_SSL_CERT_VERIFY_HOOK')
      for (const [continuation, { options }] of questions.entries()) {
        hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => plugin.ask(continuation, event), options)
      }
      for (const id of tellHooks(uses)) addTold(id)
      for (const id of ['TS_VCONN_CLOSE_HOOK', 'TS_VCONN_OUTBOUND_CLOSE_HOOK'] as const) {
        hookAdd(id, ({ id: vconn }) => plugin.forget(vconn))
      }

      function addTold<H extends TellHook>(id: H): void {
        const plain = plainTold(id)
        hookAdd(id, event => plugin.tell(plain(event)))
      }
    }
  }
}

type TellHook = Exclude<HookUse['id'], 'TS_SSL_CERT_VERIFY_HOOK'>

/** One of ours for all continuations of the plugin on the same hook: they are told together. */
function tellHooks(uses: readonly HookUse[]): ReadonlySet<TellHook> {
  return new Set(uses.flatMap(({ id }) => (id === 'TS_SSL_CERT_VERIFY_HOOK' ? [] : [id])))
}
