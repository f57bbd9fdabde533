/**
 * Plugins whose answers the test gives. The proxy must run in the test's process: the plugin is a file like any other, and
 * hands what it is told over a diagnostics channel.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Test } from 'tap'
import {
  HOOK_ALIASES,
  type HookAlias,
  type HookEvents,
  type HookId,
  type VerifyServerEvent,
} from '../../core/api/hooks.js'
import { Watch } from './watch.js'

/** The hooks of a transaction by short names. */
export const READ_REQUEST = 'TS_HTTP_READ_REQUEST_HDR_HOOK'
export const SEND_REQUEST = 'TS_HTTP_SEND_REQUEST_HDR_HOOK'
export const READ_RESPONSE = 'TS_HTTP_READ_RESPONSE_HDR_HOOK'
export const SEND_RESPONSE = 'TS_HTTP_SEND_RESPONSE_HDR_HOOK'
export const TXN_CLOSE = 'TS_HTTP_TXN_CLOSE_HOOK'
export const HOOKS = [READ_REQUEST, SEND_REQUEST, READ_RESPONSE, SEND_RESPONSE] as const

/** What plugins on them do. */
export const nothing = (): void => {}
export const yes = ({ reenable }: { readonly reenable: () => unknown }): unknown => reenable()
export const later = (fn: () => unknown): unknown => setTimeout(fn, 20)
export const slowly = ({ reenable }: { readonly reenable: () => unknown }): unknown => later(reenable)

/** For `modules` of a configuration. The line says on which hooks. */
export const GATE_MODULE = {
  'gate.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd, signal }) => {
  const [, id, ...hooks] = argv
  const tell = message => channel('gate ' + id).publish(message)
  for (const hook of hooks) hookAdd(hook, event => tell({ hook, event }))
  tell('loaded')
  signal.addEventListener('abort', () => tell('unloaded'))
}
`,
} as const

/** Calls `on` with each fact that a plugin of the test publishes on a diagnostics channel, until the test ends. */
export function hear<T>(t: Test, channel: string, on: (fact: T) => void): void {
  const onFact = (fact: unknown): void => on(fact as T)
  subscribe(channel, onFact)
  t.teardown(() => unsubscribe(channel, onFact))
}

type Answers = { readonly [H in HookId]?: (event: HookEvents[H], count: number) => unknown }
type Told = 'loaded' | 'unloaded' | { readonly hook: HookId | HookAlias; readonly event: never }

let gates = 0

/** A plugin on any hooks. */
export class HookGate {
  /** For plugin.config. */
  readonly line: string
  /** What was called, in order. */
  readonly called: HookId[] = []
  /** How often the plugin was loaded, and unloaded. */
  loads = 0
  unloads = 0
  readonly #events = new Map<HookId, unknown[]>()
  readonly #watch = new Watch()
  readonly #channel: string
  readonly #onTold: (message: unknown) => void

  /** @param answers what each hook is answered; what has none is left waiting */
  constructor(answers: Answers, extra: { readonly options?: string; readonly log?: string[] } = {}) {
    const id = `${++gates}`
    const { options = '' } = extra
    this.line = ['gate.mjs', options, id, ...Object.keys(answers)].filter(Boolean).join(' ')
    this.#channel = `gate ${id}`
    this.#onTold = message => {
      const told = message as Told
      if (told === 'loaded') this.loads += 1
      else if (told === 'unloaded') this.unloads += 1
      else {
        const hook = isAlias(told.hook) ? HOOK_ALIASES[told.hook] : told.hook
        this.called.push(hook)
        extra.log?.push(`${id} ${hook}`)
        const events = this.#eventsOf(hook)
        events.push(told.event)
        answers[hook]?.(told.event, events.length)
      }
      this.#watch.changed()
    }
    subscribe(this.#channel, this.#onTold)
  }

  /** Every event of a hook so far; the same list each time, to which later ones are added. */
  of<H extends HookId>(hook: H): readonly HookEvents[H][] {
    return this.#eventsOf(hook) as HookEvents[H][]
  }

  #eventsOf(hook: HookId): unknown[] {
    const events = this.#events.get(hook) ?? []
    this.#events.set(hook, events)
    return events
  }

  /** The event of that index, as soon as there is one. */
  next<H extends HookId>(hook: H, index = 0, ms?: number): Promise<HookEvents[H]> {
    return this.until(() => this.of(hook)[index], `${hook} number ${index}`, ms)
  }

  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T> {
    return this.#watch.until(probe, () => `${what}; called: ${this.called.join(', ')}`, ms)
  }

  /** Loaded at least once, and no longer there. */
  get isUnloaded(): boolean {
    return this.loads > 0 && this.unloads === this.loads
  }

  stop(): void {
    unsubscribe(this.#channel, this.#onTold)
  }
}

const isAlias = (hook: HookId | HookAlias): hook is HookAlias => Object.hasOwn(HOOK_ALIASES, hook)

/** A plugin that decides about certificates of origins, and is told of their connections and of the requests that leave. */
export class Gate extends HookGate {
  /** @param answer called for every handshake; without it they stay parked until the test answers */
  constructor(answer?: (event: VerifyServerEvent) => void) {
    super({
      TS_SSL_CERT_VERIFY_HOOK: event => answer?.(event),
      TS_VCONN_OUTBOUND_START_HOOK: yes,
      TS_VCONN_OUTBOUND_CLOSE_HOOK: nothing,
      TS_HTTP_SEND_REQUEST_HDR_HOOK: yes,
    })
  }

  get asked(): readonly VerifyServerEvent[] {
    return this.of('TS_SSL_CERT_VERIFY_HOOK')
  }

  /** Ids of the VConns to origins. */
  get started(): readonly number[] {
    return this.of('TS_VCONN_OUTBOUND_START_HOOK').map(({ vconn }) => vconn.id)
  }

  get closed(): readonly number[] {
    return this.of('TS_VCONN_OUTBOUND_CLOSE_HOOK').map(({ id }) => id)
  }

  /** Methods and URLs of the requests that left. */
  get sent(): readonly string[] {
    return this.of(SEND_REQUEST).map(({ method, url }) => `${method} ${url}`)
  }

  /** The handshake with that index, as soon as it is parked. */
  parked(index = 0, ms?: number): Promise<VerifyServerEvent> {
    return this.next('TS_SSL_CERT_VERIFY_HOOK', index, ms)
  }

  /** Until every connection to an origin has ended. */
  async allClosed(): Promise<void> {
    await this.until(
      () => (this.started.length > 0 && this.closed.length >= this.started.length ? true : undefined),
      'the close hooks',
    )
  }
}
