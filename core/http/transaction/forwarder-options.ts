import type { Current } from '../../base/current.js'
import type { FairQueue } from '../../base/fair-queue.js'
import type { OriginConnector } from '../../origin/connect.js'
import type { Pages } from '../pages/templates.js'
import type { TxnPoints } from './hooks.js'
import type { Summary } from './summary.js'
import type { Via } from './via.js'

export interface ForwarderOptions {
  readonly connector: OriginConnector
  /** Shares the processor between handshakes; while it is behind, requests too wait for their turn. */
  readonly queue?: FairQueue
  readonly current: Current<ForwarderSettings>
  /** Called exactly once per request, when it is over. */
  readonly onDone?: (summary: Summary) => void
}

/** What a reload may change. */
export interface ForwarderSettings {
  readonly via: Via
  /** Milliseconds in which not a byte moves, after which a transaction is given up. A parked handshake has its own. */
  readonly idleTimeout: number
  /** The same once the protocol has been switched. */
  readonly upgradeIdleTimeout: number
  /** Milliseconds that a request and its response may take together; 0 or absent for no limit. */
  readonly activeTimeout?: number
  /** The operator's error pages. */
  readonly pages?: Pages
  /** The plugins on transactions; undefined where there are none. */
  readonly hooks?: TxnPoints | undefined
}
