/** What the tests of approval.js share: one host, its certificates, and the topic that answers. */

import { join } from 'node:path'
import type { Approval, ApprovalAnswer } from '../../core/api/managed.js'
import { type Kit, makeChain, type Origin, type TestHandshake } from '../../core/testing/kit.js'
import { atExit } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'

const dir = makeTempDir()
atExit(dir.remove)

/** Where the plugin runs: words on its line. */
export const PLACES = ['', '@isolate=worker '] as const

export const HOST = 'new.example'
export const chain = await makeChain({ names: [HOST] }, { subject: '/CN=Issuer' })

let files = 0
/** The path of a file that is not there yet. */
export const fresh = (): string => join(dir.path, `approvals-${++files}.jsonl`)

export const BY_ME: ApprovalAnswer = {
  verdict: 'accept',
  scope: 'leaf',
  duration: 3_600_000,
  who: 'me',
  why: 'I know it',
}

export function approvalsOf(kit: Kit) {
  const approvals = kit.managed('approvals')
  if (approvals === undefined) throw new Error('no approvals')
  return approvals
}

/** Answers the one question that is open. */
export async function answer(kit: Kit, given: Partial<ApprovalAnswer> = {}): Promise<void> {
  const [question] = await approvalsOf(kit).list()
  if (question === undefined) throw new Error('no question')
  await approvalsOf(kit).answer(question.id, { ...BY_ME, ...given })
}

const askedIn = async (kit: Kit): Promise<number> =>
  (await approvalsOf(kit).list()).reduce((sum, { asked }) => sum + asked, 0)

/** Parks a handshake: when this resolves it is part of a question, or has ended. In workers that takes real time. */
export async function park(kit: Kit, origin: Origin): Promise<TestHandshake> {
  const before = await askedIn(kit)
  const handshake = await kit.park(origin)
  await poll(
    async () => handshake.outcome !== undefined || (await askedIn(kit)) > before,
    'the question about a handshake, or its end',
  )
  return handshake
}

/** The questions, once they are as the test says. */
export function until(
  kit: Kit,
  isSo: (questions: readonly Approval[]) => boolean,
): Promise<readonly Approval[]> {
  return poll(async () => {
    const questions = await approvalsOf(kit).list()
    return isSo(questions) && questions
  }, 'the questions')
}
