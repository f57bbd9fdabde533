import type { Verdict } from '../../api/verdict.js'
import type { ProxyError } from '../../base/errors.js'
import type { PlainQuestion, Subject } from './messages.js'
import type { WorkerLink } from './worker-link.js'

/** A question that waits for its answer. */
export interface Pending {
  readonly question: PlainQuestion
  /** As `Passage` says. */
  readonly subjects: readonly Subject[]
  readonly near: readonly Subject[]
  /** Does what the plugin has called, and passes its answer on. */
  readonly answer: (verdict: Verdict, effects: readonly unknown[]) => void
  /** Where it has been asked; undefined while no worker can be. */
  link: WorkerLink | undefined
  readonly end: (failure?: ProxyError) => void
}
