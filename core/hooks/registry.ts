import type { Continuation, HookId, HookOptions } from '../api/hooks.js'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { clip, describe } from '../base/thrown.js'
import { findHook, HOOK_IDS, HOOK_NAMES } from './hook-ids.js'

/** Characters of a hook id in a message. */
const MAX_NAME = 100

/** The plugin behind a continuation, and what its line in plugin.config says about its answers. */
export interface PluginRef {
  readonly name: string
  /** Its line in plugin.config. */
  readonly line: number
  /** `@deadline=`: milliseconds this plugin has for one answer; absent: the general deadline alone. */
  readonly deadline?: number
  /** `@mode=`: in shadow mode a verdict is logged and has no effect. */
  readonly mode: 'enforce' | 'shadow'
  /** `@late=`: what silence at its own deadline means: a rejection, or what the built-in check says. */
  readonly late: 'reject' | 'builtin'
  /** `@isolate=worker`: its answers never come before it returns. */
  readonly isIsolated?: boolean
}

/** A continuation on a hook, and whose it is. */
export interface Hooked<H extends HookId> {
  readonly plugin: PluginRef
  readonly continuation: Continuation<H>
  readonly options: HookOptions
}

type Lists = { readonly [H in HookId]: Hooked<H>[] }

/**
 * Which continuations are on which hook, in the order of plugin.config.
 *
 * Life: filling -> sealed. It is filled while plugins are initialised, one after another in the order of their lines,
 * and sealed, its lists frozen, before the first port opens. Reading it costs one property access.
 */
export class HookRegistry {
  readonly #lists = Object.fromEntries(HOOK_IDS.map(id => [id, []])) as unknown as Lists
  #isSealed = false

  /**
   * @param id a hook id or an alias
   * @throws {ProxyError} PTC_HOOK_UNKNOWN, PTC_PLUGIN_SHAPE, PTC_HOOKS_SEALED
   */
  add(plugin: PluginRef, id: unknown, continuation: unknown, options?: unknown): void {
    if (this.#isSealed) throw hooksSealed(plugin, id)
    const hook = typeof id === 'string' ? findHook(id) : undefined
    if (hook === undefined) {
      const name = nameOf(id)
      const help = didYouMean(name, HOOK_NAMES) || `; known are ${HOOK_NAMES.join(', ')}`
      throw new ProxyError('PTC_HOOK_UNKNOWN', `unknown hook ${name}${help}`)
    }
    if (!isContinuation(continuation)) {
      throw new ProxyError(
        'PTC_PLUGIN_SHAPE',
        `hookAdd('${hook}') takes a function, not ${typeof continuation}`,
      )
    }
    this.#append(hook, Object.freeze({ plugin, continuation, options: toOptions(options, hook) }))
  }

  /** The continuations on a hook, in the order of plugin.config. */
  on<H extends HookId>(id: H): readonly Hooked<H>[] {
    return this.#lists[id]
  }

  get isSealed(): boolean {
    return this.#isSealed
  }

  seal(): void {
    this.#isSealed = true
    for (const id of HOOK_IDS) Object.freeze(this.#lists[id])
  }

  #append<H extends HookId>(id: H, hooked: Hooked<H>): void {
    this.#lists[id].push(hooked)
  }
}

/** What a plugin in plain JavaScript gave as the id of a hook may be anything. */
const nameOf = (id: unknown): string => clip(describe(id), MAX_NAME)

/** Which event it will be handed is decided by the hook id alone; a plugin in plain JavaScript can promise no more. */
function isContinuation(value: unknown): value is Continuation<HookId> {
  return typeof value === 'function'
}

/** A misspelt option would be one that silently does nothing. */
function toOptions(options: unknown, id: string): HookOptions {
  if (options === undefined) return Object.freeze({})
  const wrong = (what: string): ProxyError =>
    new ProxyError('PTC_PLUGIN_SHAPE', `hookAdd('${id}'): the third argument ${what}`)
  if (typeof options !== 'object' || options === null) throw wrong('is an object of options')
  const { coalesce = false, sees, ...others } = options as { coalesce?: unknown; sees?: unknown }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(`has no option ${unknown}; known are coalesce and sees`)
  if (typeof coalesce !== 'boolean') throw wrong('takes true or false as coalesce')
  if (sees === undefined) return Object.freeze({ coalesce })
  if (sees !== 'incomplete') throw wrong("takes 'incomplete' as sees")
  if (id !== 'TS_SSL_CERT_VERIFY_HOOK') throw wrong('takes sees on TS_SSL_CERT_VERIFY_HOOK alone')
  if (coalesce) throw wrong('takes no coalesce beside sees: each chain is completed on its own')
  return Object.freeze({ coalesce, sees })
}

/** What hookAdd answers once a plugin's own init has ended, or all of them have. */
export function hooksSealed(plugin: PluginRef, id: unknown): ProxyError {
  const text = `plugin ${plugin.name} calls hookAdd('${nameOf(id)}') after its init has ended`
  return new ProxyError('PTC_HOOKS_SEALED', text)
}
