import type { Continuation, VerifyServerEvent } from '../api/hooks.js'
import type { Verdict } from '../api/verdict.js'
import { HookRegistry } from '../hooks/registry.js'
import type { OpenCall } from './handshake.js'

const HOOK = 'TS_SSL_CERT_VERIFY_HOOK'

/** Writes down how plugins are called on the verify hook, and what they answer, by connection. */
export class Recorder {
  readonly #byVConn = new Map<number, OpenCall[]>()
  readonly #all: { readonly call: OpenCall; readonly host: string }[] = []

  /** The calls about one connection, those to come included. */
  callsFor(vconn: number): readonly OpenCall[] {
    const known = this.#byVConn.get(vconn)
    if (known !== undefined) return known
    const made: OpenCall[] = []
    this.#byVConn.set(vconn, made)
    return made
  }

  /** A plugin has failed; which of its calls it was, only the host can tell. */
  failed(plugin: string, host: string, cause: unknown): void {
    const last = this.#all.findLast(({ call, host: of }) => call.plugin === plugin && of === host)
    last?.call.failures.push(cause)
  }

  /** The same continuations, each seen through by this recorder. */
  wrap(registry: HookRegistry): HookRegistry {
    const wrapped = new HookRegistry()
    for (const { plugin, continuation, options } of registry.on(HOOK))
      wrapped.add(plugin, HOOK, this.#recorded(plugin.name, continuation), options)
    wrapped.seal()
    return wrapped
  }

  #recorded(plugin: string, continuation: Continuation<typeof HOOK>): Continuation<typeof HOOK> {
    return event => {
      const call: OpenCall = { plugin, verdict: undefined, ignored: [], failures: [] }
      const calls = this.callsFor(event.vconn.id) as OpenCall[]
      calls.push(call)
      this.#all.push({ call, host: event.host })
      return continuation(heard(event, call))
    }
  }
}

/** The event, whose `reenable` is written down. Its fields are those of the event itself, private ones included. */
function heard(event: VerifyServerEvent, call: OpenCall): VerifyServerEvent {
  const reenable = (verdict?: Verdict): 'counted' | 'ignored' => {
    const before = call.verdict
    call.verdict = verdict ?? { kind: 'accept' }
    const answer = event.reenable(verdict)
    if (answer === 'counted') return answer
    call.verdict = before
    call.ignored.push(verdict)
    return answer
  }
  return new Proxy(event, {
    get: (target, key) => (key === 'reenable' ? reenable : Reflect.get(target, key, target)),
  })
}
