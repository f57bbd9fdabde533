import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import type { ManagedCalls } from '../plugin-host/topics/answers.js'
import type { Generations } from './generations.js'

/** What to say where no plugin has a topic. */
const MISSING: { readonly [T in keyof ManagedCalls]: string } = {
  approvals: 'no plugin asks people: there is no approval.js in plugin.config',
  policy: 'no plugin explains its rules: there is no policy.js in plugin.config',
  learning: 'no plugin learns: there is no learn.js in plugin.config',
}

/**
 * Hands a request on to the plugin in force that has a topic.
 * @param about begins what is said of a failure
 * @throws {ProxyError} PTC_ADMIN_REQUEST when there is none, or it cannot do it
 */
export async function askTopic<T extends keyof ManagedCalls, R>(
  generations: Pick<Generations, 'current'>,
  name: T,
  ask: (topic: ManagedCalls[T]) => Promise<R>,
  about = '',
): Promise<R> {
  const topic = generations.current().plugins.managed.get(name)
  if (topic === undefined) throw new ProxyError('PTC_ADMIN_REQUEST', MISSING[name])
  try {
    return await ask(topic)
  } catch (cause) {
    throw new ProxyError('PTC_ADMIN_REQUEST', about + describe(cause), { cause })
  }
}
