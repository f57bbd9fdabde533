import type { ManagedTopics } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import type { Generations } from './generations.js'

/** What to say where no plugin has a topic. */
const MISSING: { readonly [T in keyof ManagedTopics]: string } = {
  approvals: 'no plugin asks people: there is no approval.js in plugin.config',
  policy:
    'no plugin explains its rules: there is no policy.js in plugin.config, or it has @isolate=worker (`ctl plugin msg policy:explain HOST` writes to the log then)',
  learning:
    'no plugin learns: there is no learn.js in plugin.config, or it has @isolate=worker (`ctl plugin msg learn:report` writes to the log then)',
}

/**
 * Hands a request on to the plugin in force that has a topic.
 * @throws {ProxyError} PTC_ADMIN_REQUEST when there is none, or it cannot do it
 */
export async function askTopic<T extends keyof ManagedTopics, R>(
  generations: Pick<Generations, 'current'>,
  name: T,
  ask: (topic: ManagedTopics[T]) => Promise<R>,
): Promise<R> {
  const topic = generations.current().plugins.managed.get(name)
  if (topic === undefined) throw new ProxyError('PTC_ADMIN_REQUEST', MISSING[name])
  try {
    return await ask(topic)
  } catch (cause) {
    throw new ProxyError('PTC_ADMIN_REQUEST', describe(cause), { cause })
  }
}
