import type { HookAdd } from '../api/hooks.js'
import type { PluginContext } from '../api/plugin.js'
import { accept, postpone, reject } from '../api/verdict.js'
import { containedAbort } from '../base/contained-abort.js'
import { contain } from '../base/edge.js'
import { ProxyError } from '../base/errors.js'
import { clip, describeThrown, toLogText } from '../base/thrown.js'
import type { Time } from '../base/timer.js'
import { readCertificates } from '../base/x509.js'
import { type HookRegistry, hooksSealed, type PluginRef } from '../hooks/registry.js'
import { Timers } from '../wait/timers.js'
import type { Managed } from './managed.js'
import type { LoadedLine } from './resolve.js'
import type { PluginServices } from './services/services.js'

/** Where plugins write to. */
export interface PluginDiags {
  debug(tag: string, message: string): void
  /** Whether a tag is switched on; without it all are taken to be. */
  isOn?(tag: string): boolean
  note(message: string): void
  error(message: string): void
}

export interface ContextEnv {
  readonly diags: PluginDiags
  /** The clock of `schedule`; default: Node's. */
  readonly time?: Time | undefined
  /**
   * Withdraws acceptances. A plugin in plain JavaScript may want anything.
   * @param by the plugin's name, for the log
   */
  readonly revoke: (what: unknown, by: string) => void
  /** @param plugin its name */
  readonly servicesFor: (plugin: string) => PluginServices
  /** Where plugins put what they offer to operators. */
  readonly managed: Managed
}

/** Characters of a debug tag. */
const MAX_TAG = 100

const NO_OPTIONS = Object.freeze({})

/**
 * One initialisation of one plugin: the context it was handed, and the host's hold on it.
 *
 * Life: in init -> running -> unloaded. hookAdd works in the first state alone; otherwise a plugin that calls it late
 * could slip behind one whose line comes later. Unloading stops its timers and aborts its signal, for good.
 */
export class PluginInstance {
  readonly ref: PluginRef
  readonly context: PluginContext
  readonly #timers: Timers
  readonly #gone: AbortController
  #isInInit = true

  constructor(line: LoadedLine, registry: HookRegistry, env: ContextEnv) {
    const { name } = line
    const { deadline, mode, late, isolate } = line.options
    const isIsolated = isolate === 'worker'
    const ref = {
      name,
      line: line.line,
      mode,
      late,
      isIsolated,
      ...(deadline === undefined ? {} : { deadline }),
    }
    const error = (message: unknown): void => env.diags.error(`[${name}] ${toLogText(message)}`)
    const toTag = (tag: unknown): string => (typeof tag === 'string' ? clip(tag, MAX_TAG) : name)
    const onError = (cause: unknown): void => error(`scheduled function failed: ${describeThrown(cause)}`)
    const timers = new Timers(onError, undefined, env.time)
    this.#gone = containedAbort(cause => error(`abort listener failed: ${describeThrown(cause)}`))
    const hookAdd: HookAdd = (id, continuation, options) => {
      if (!this.#isInInit) throw hooksSealed(ref, id)
      registry.add(ref, id, continuation, options)
    }
    this.ref = Object.freeze(ref)
    this.#timers = timers
    const { state, metrics, fetch, peers, managedAt } = env.servicesFor(name)
    this.context = Object.freeze<PluginContext>({
      name,
      confDir: line.confDir,
      argv: Object.freeze([...line.argv]),
      options: NO_OPTIONS, // the importer of the module knows its schema
      isIsolated,
      hookAdd,
      accept,
      reject,
      postpone,
      debug: (message, tag) => env.diags.debug(toTag(tag), toLogText(message)),
      isDebugOn: tag => env.diags.isOn?.(toTag(tag)) ?? true,
      error,
      note: message => env.diags.note(`[${name}] ${toLogText(message)}`),
      schedule: (fn, ms) => timers.after(ms, fn),
      revoke: what => env.revoke(what, name),
      manage: (topic, offered) => {
        if (!this.#isInInit)
          throw new ProxyError('PTC_PLUGIN_CALL', `manage('${topic}') is called during init`)
        env.managed.add(name, topic, offered)
      },
      readCertificates,
      managedAt,
      state,
      metrics,
      fetch,
      peers: Object.freeze({
        send: (message: unknown) => peers.send(message),
        onMessage: (listener: (message: unknown) => void) => {
          const leave = peers.listen(
            message =>
              void contain(
                () => listener(message),
                cause => error(`message listener failed: ${describeThrown(cause)}`),
              ),
          )
          this.#gone.signal.addEventListener('abort', leave, { once: true })
        },
      }),
      signal: this.#gone.signal,
    })
  }

  endInit(): void {
    this.#isInInit = false
  }

  unload(): void {
    this.endInit()
    this.#timers.clear()
    this.#gone.abort()
  }
}
