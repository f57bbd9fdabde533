/** What the tests of approval.js share: one host, its certificates, and the topic that answers. */
import { join } from 'node:path'
import type { ApprovalAnswer } from '../../core/api/managed.js'
import { type Kit, makeChain } from '../../core/testing/kit.js'
import { atEnd } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'

const dir = makeTempDir()
atEnd(dir.remove)

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
  const [question] = approvalsOf(kit).list()
  if (question === undefined) throw new Error('no question')
  await approvalsOf(kit).answer(question.id, { ...BY_ME, ...given })
}
