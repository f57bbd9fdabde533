import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import type { Managed } from '../managed.js'
import { MAX_ANSWER } from './from-worker.js'
import type { FromWorker, ToWorker } from './messages.js'

type Called = (...args: readonly unknown[]) => Promise<unknown>

/** In the worker: does what an operator asks. Never rejected: what is wrong is the answer. */
export async function answerTopic(
  managed: Managed,
  { seq, topic, part, args }: Extract<ToWorker, { do: 'manage' }>,
): Promise<FromWorker> {
  try {
    const calls = managed.get(topic) as Readonly<Record<string, Called>> | undefined
    const called = calls !== undefined && Object.hasOwn(calls, part) ? calls[part] : undefined
    if (called === undefined) throw new ProxyError('PTC_INTERNAL', `${topic} has no ${part}`)
    const text = JSON.stringify((await called(...args)) ?? null)
    if (text.length <= MAX_ANSWER) return { did: 'managed', seq, text }
    throw new ProxyError('PTC_PLUGIN_CALL', `${part} of ${topic} has more than ${MAX_ANSWER} characters`)
  } catch (cause) {
    const code = ProxyError.codeOf(cause) ?? 'PTC_INTERNAL'
    return { did: 'managed', seq, text: '', error: { code, message: describe(cause) } }
  }
}
