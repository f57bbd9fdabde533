import type { Verdict } from '../../api/verdict.js'
import type { ProxyError } from '../../base/errors.js'
import type { PlainQuestion, Subject } from './messages.js'
import type { WorkerLink } from './worker-link.js'

/** A question that waits for its answer. */
export interface Pending {
  /** Its number where it is asked now: each worker that is asked gets one of its own. */
  seq: number
  readonly question: PlainQuestion
  /** As `Codec` says. */
  readonly subjects: readonly Subject[]
  readonly near: readonly Subject[]
  /** Does what the plugin has called, and passes its answer on. */
  readonly answer: (verdict: Verdict, effects: readonly unknown[]) => void
  /** Does what the plugin has done while it is asked. */
  readonly serve: ((args: readonly unknown[]) => Promise<unknown>) | undefined
  /** What it is about has ended: only a plugin in shadow mode still thinks about it. */
  isOver: boolean
  /** Where it has been asked; undefined while no worker can be. */
  link: WorkerLink | undefined
  readonly end: (failure?: ProxyError) => void
}
