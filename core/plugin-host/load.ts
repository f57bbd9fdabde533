import { resolve } from 'node:path'
import type { PluginInit } from '../api/plugin.js'
import { ProxyError } from '../base/errors.js'
import { Mistakes } from '../base/mistakes.js'
import { after } from '../base/timer.js'
import type { PluginLine } from '../config/plugin-config.js'
import { HookRegistry } from '../hooks/registry.js'
import { type ContextEnv, PluginInstance } from './context.js'
import type { PluginFile } from './fingerprint.js'
import { importInit, runInit } from './import-init.js'
import { Managed } from './managed.js'
import { type LoadedLine, type PluginPlaces, placeOf, resolvePlugin } from './resolve.js'

/** What loading needs from outside. */
export interface PluginEnv extends PluginPlaces, Omit<ContextEnv, 'managed'> {
  /** How long one plugin may take to be imported and initialised; milliseconds. */
  readonly initTimeout: number
  /**
   * Initialises a plugin with `@isolate=worker` where it is to run, and makes the init that stands in for it here;
   * without this such a line is an error. The signal aborts when the plugin is unloaded.
   */
  readonly isolate?: (
    path: string,
    line: LoadedLine,
    signal: AbortSignal,
    managed: Managed,
  ) => Promise<PluginInit>
}

/** The plugins of one plugin.config, initialised. A reload makes a new set and unloads the old one when it is idle. */
export interface PluginSet {
  /** Sealed. */
  readonly registry: HookRegistry
  readonly managed: Managed
  /** In the order of plugin.config. */
  readonly names: readonly string[]
  readonly lines: readonly PluginLine[]
  /** Where each line's plugin lies. */
  readonly files: readonly PluginFile[]
  /** Stops the plugins' timers and aborts their signals, last line first. May be called twice. */
  unload(): void
}

/**
 * Imports and initialises plugins, one after another in the order of their lines.
 *
 *     resolve -> import -> init -> next line … -> registry sealed
 *        |         |         |
 *        +---------+---------+--- failure: the next lines follow, for their errors; then all are unloaded
 *
 * @throws {ProxyError} PTC_PLUGIN_NOT_FOUND, PTC_PLUGIN_TYPESCRIPT, PTC_PLUGIN_SHAPE, PTC_PLUGIN_INIT_FAILED,
 *   PTC_PLUGIN_INIT_SLOW, PTC_HOOK_UNKNOWN
 */
export async function loadPlugins(lines: readonly PluginLine[], env: PluginEnv): Promise<PluginSet> {
  const registry = new HookRegistry()
  const managed = new Managed()
  const instances: PluginInstance[] = []
  const files: PluginFile[] = []
  const unload = (): void => {
    for (const instance of instances.splice(0).reverse()) instance.unload()
  }
  env.diags.note('plugin.config loading ...')
  try {
    const mistakes = new Mistakes()
    for (const parsed of lines)
      await mistakes.readLater(async () => {
        const line = { ...parsed, confDir: resolve(env.confDir) }
        const path = await resolvePlugin(line, env)
        env.diags.note(`loading plugin '${path}'`)
        files.push({ line: parsed, path })
        const instance = new PluginInstance(line, registry, { ...env, managed })
        instances.push(instance)
        await within(env.initTimeout, line, start(path, line, instance, { ...env, managed }))
        instance.endInit()
      })
    mistakes.check()
  } catch (cause) {
    unload()
    throw cause
  } finally {
    registry.seal()
  }
  env.diags.note('plugin.config finished loading')
  const names = Object.freeze(lines.map(({ name }) => name))
  return Object.freeze({ registry, managed, names, lines: Object.freeze([...lines]), files, unload })
}

async function start(
  path: string,
  line: LoadedLine,
  { context }: PluginInstance,
  env: PluginEnv & Pick<ContextEnv, 'managed'>,
): Promise<void> {
  const isIsolated = line.options.isolate === 'worker'
  const init = await (isIsolated ? isolated(path, line, context.signal, env) : importInit(path, line))
  await runInit(init, context, line)
}

async function isolated(
  path: string,
  line: LoadedLine,
  signal: AbortSignal,
  { isolate, managed }: PluginEnv & Pick<ContextEnv, 'managed'>,
): Promise<PluginInit> {
  if (isolate !== undefined) return await isolate(path, line, signal, managed)
  throw new ProxyError('PTC_PLUGIN_CONFIG_INVALID', `${placeOf(line)}: @isolate=worker is not available here`)
}

/** The work, or PTC_PLUGIN_INIT_SLOW. What a slow plugin does later is no longer listened to. */
function within(ms: number, line: PluginLine, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const slow = (): void =>
      reject(new ProxyError('PTC_PLUGIN_INIT_SLOW', `${placeOf(line)}: init not finished after ${ms} ms`))
    const timer = after(ms, slow, reject)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
