import type { HookEvents, HookId } from '../api/hooks.js'
import type { VConn } from '../api/vconn.js'
import type { Verdict } from '../api/verdict.js'
import { hooksWithin } from '../hooks/hook-ids.js'
import { HookRegistry } from '../hooks/registry.js'
import { AskingEvent } from '../wait/turn-event.js'
import type { OpenCall } from './handshake.js'

/** The common part of the events of hooks that wait for an answer. */
interface Asked {
  readonly vconn: VConn
  readonly reenable: (verdict?: Verdict) => 'counted' | 'ignored'
}

/** Records the calls of plugins and their answers, by connection. */
export class Recorder {
  readonly #byVConn = new Map<number, OpenCall[]>()
  readonly #all: { readonly call: OpenCall; readonly about: string }[] = []

  /** The calls about one connection, including later ones. */
  callsFor(vconn: number): readonly OpenCall[] {
    return this.#listFor(vconn)
  }

  /** Records the failure of a plugin in its last call about this subject. */
  failed(plugin: string, about: string, cause: unknown): void {
    const last = this.#all.findLast(({ call, about: of }) => call.plugin === plugin && of === about)
    last?.call.failures.push(cause)
  }

  /** The same continuations on the hooks that park, each wrapped by this recorder. */
  wrap(registry: HookRegistry): HookRegistry {
    const wrapped = new HookRegistry()
    for (const id of hooksWithin('verdict', 'client', 'plugins'))
      for (const { plugin, continuation, options } of registry.on(id))
        wrapped.add(plugin, id, this.#recorded<typeof id>(plugin.name, continuation), options)
    wrapped.seal()
    return wrapped
  }

  #listFor(vconn: number): OpenCall[] {
    const known = this.#byVConn.get(vconn)
    if (known !== undefined) return known
    const made: OpenCall[] = []
    this.#byVConn.set(vconn, made)
    return made
  }

  #recorded<H extends HookId>(plugin: string, continuation: (event: HookEvents[H]) => unknown) {
    return (event: HookEvents[H] & Asked): unknown => {
      const call: OpenCall = { plugin, verdict: undefined, ignored: [], failures: [] }
      this.#listFor(event.vconn.id).push(call)
      const about = aboutOf(event)
      this.#all.push({ call, about })
      return continuation(heard(event, call))
    }
  }
}

/** The subject of a failure, as the log names it. */
function aboutOf(event: Asked): string {
  if ('host' in event) return String(event.host)
  if ('url' in event && 'method' in event) return `${event.method} ${event.url}`
  return `client ${event.vconn.remoteAddress}`
}

/** The event with a recorded `reenable`. Its fields are those of the event itself, private ones included. */
function heard<E extends Asked>(event: E, call: OpenCall): E {
  const reenable = (verdict?: Verdict): 'counted' | 'ignored' => {
    const before = call.verdict
    call.verdict = verdict ?? { kind: 'accept' }
    const answer = event.reenable(verdict)
    if (answer === 'counted') return answer
    call.verdict = before
    call.ignored.push(verdict)
    return answer
  }
  // A frozen event would not let a proxy answer otherwise than it does itself. Its fields are not read here: that a plugin
  // has read one can have a meaning.
  const fields = Object.getOwnPropertyDescriptors(event)
  const listed = Object.entries(fields).map(([key, field]) => [key, { ...field, configurable: true }])
  const proxy = new Proxy(Object.defineProperties({} as E, Object.fromEntries(listed)), {
    get: (_, key) => (key === 'reenable' ? reenable : Reflect.get(event, key, event)),
    has: (_, key) => Reflect.has(event, key),
  })
  AskingEvent.standsFor(proxy, event)
  return proxy
}
