import type { HookEvents, PluginInit, VerifyServerEvent } from '../../../core/api/index.js'
import { SharedServices } from '../../../core/plugin-host/services/services.js'
import { NO_FETCH } from '../../kit/names.js'

/** An instance of a plugin, in a process that tells another. */
interface Instance {
  readonly revoked: unknown[]
  message(event: HookEvents['TS_LIFECYCLE_MSG_HOOK']): Promise<void>
  /** The reason of its rejection. */
  verdictOn(host: string): unknown
}

/** Makes two instances of a plugin whose peers are each other. They have a part of the context only. */
export async function twoProcesses(
  init: PluginInit,
  use: (instances: readonly [Instance, Instance]) => Promise<void>,
): Promise<void> {
  const services: SharedServices[] = []
  const make = async (other: number): Promise<Instance> => {
    const own = new SharedServices(undefined, async (plugin, message) =>
      services[other]?.peers.deliver(plugin, message),
    )
    services.push(own)
    const { state, peers } = own.of('plugin', NO_FETCH)
    const hooks = new Map<string, (event: unknown) => unknown>()
    const revoked: unknown[] = []
    await init({
      hookAdd: (hook: string, fn: (event: unknown) => unknown) => void hooks.set(hook, fn),
      peers: { send: peers.send, onMessage: peers.listen },
      state,
      reject: (reason: string) => reason,
      revoke: (what: unknown) => void revoked.push(what),
    } as unknown as Parameters<PluginInit>[0])
    return {
      revoked,
      message: async event => void (await hooks.get('TS_LIFECYCLE_MSG_HOOK')?.(event)),
      verdictOn: host => {
        let verdict: unknown
        const reenable = (given: unknown): void => {
          verdict = given
        }
        hooks.get('TS_SSL_CERT_VERIFY_HOOK')?.({ host, reenable } as unknown as VerifyServerEvent)
        return verdict
      },
    }
  }
  await use([await make(1), await make(0)])
}
