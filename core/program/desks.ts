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
export async function askDesk<T extends keyof ManagedTopics, R>(
  generations: Pick<Generations, 'current'>,
  topic: T,
  ask: (desk: ManagedTopics[T]) => Promise<R>,
): Promise<R> {
  const desk = generations.current().plugins.managed.get(topic)
  if (desk === undefined) throw new ProxyError('PTC_ADMIN_REQUEST', MISSING[topic])
  try {
    return await ask(desk)
  } catch (cause) {
    throw new ProxyError('PTC_ADMIN_REQUEST', describe(cause), { cause })
  }
}
