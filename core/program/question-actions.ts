/** What operators do with questions of a plugin, and with the answers of people. */
import type { AdminApi } from '../admin/admin-api.js'
import type { Approval, GivenAnswer } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import type { ManagedCalls } from '../plugin-host/topics/answers.js'
import { mergeGiven } from '../plugin-host/topics/calls.js'
import type { Generations } from './generations.js'
import type { LastingParts } from './lasting-parts.js'

export const notOpen = (id: string): ProxyError =>
  new ProxyError('PTC_ADMIN_REQUEST', `no question ${id} is open; \`ctl approvals\` lists those that are`)

export const notRejected = (id: string): ProxyError =>
  new ProxyError(
    'PTC_ADMIN_REQUEST',
    `no rejection counts under the id ${id}; \`ctl answers\` lists them. \`ctl revoke HOST\` withdraws acceptances`,
  )

interface Parts {
  readonly lasting: Pick<LastingParts, 'history'>
  readonly generations: Pick<Generations, 'current'>
}

export interface QuestionActions extends Pick<AdminApi, 'answers' | 'answer' | 'takeBack'> {
  approvals(): Promise<readonly Approval[]>
  /** As `answer`, but undefined where the question is not open: another process may have it. */
  readonly answerIfOpen: (...asked: Parameters<AdminApi['answer']>) => Promise<Approval | undefined>
  /** As `takeBack`, but undefined where none counts. */
  readonly takeBackIfGiven: (id: string, who: string) => Promise<GivenAnswer | undefined>
}

export function questionActions({ lasting, generations }: Parts): QuestionActions {
  const answerIfOpen: QuestionActions['answerIfOpen'] = async (id, given) => {
    const question = await askTopic(
      generations,
      'approvals',
      topic => topic.answer(id, given),
      `question ${id}: `,
    )
    if (question === undefined) return undefined
    const plugin = generations.current().plugins.managed.ownerOf('approvals') ?? ''
    lasting.history.answered(question, given, plugin)
    return question
  }
  const takeBackIfGiven: QuestionActions['takeBackIfGiven'] = (id, who) =>
    askTopic(generations, 'approvals', topic => topic.takeBack(id, who))
  return {
    approvals: () => askTopic(generations, 'approvals', topic => topic.list()),
    answers: async () => mergeGiven(await askTopic(generations, 'approvals', topic => topic.given())),
    answerIfOpen,
    answer: async (id, given) => {
      const question = await answerIfOpen(id, given)
      if (question === undefined) throw notOpen(id)
      return question
    },
    takeBackIfGiven,
    takeBack: async (id, who) => {
      const answer = await takeBackIfGiven(id, who)
      if (answer === undefined) throw notRejected(id)
      return answer
    },
  }
}

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
