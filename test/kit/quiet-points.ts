/** Plugins on the hooks of transactions, without plugins: what a test has to say is called in their place. */
import type { TxnEvent } from '../../core/api/transaction-hooks.js'
import type { VConn } from '../../core/api/vconn.js'
import type { TxnPoints } from '../../core/http/transaction/hooks.js'
import type { HoldPoint } from '../../core/wait/hold.js'

const NONE: TxnPoints = {
  readRequest: undefined,
  sendRequest: undefined,
  readResponse: undefined,
  sendResponse: undefined,
}

/** Of all clients of a test. */
export const CLIENT: VConn = {
  id: 0,
  direction: 'inbound',
  remoteAddress: '192.0.2.1:1',
  localAddress: '192.0.2.2:2',
  args: {},
}

/** One plugin on one hook. */
export function pointOf<E extends TxnEvent>(ask: (event: E) => unknown): HoldPoint<E> {
  const observer = { ignoredReenable: () => {}, pluginFailed: () => {} }
  const asker = { plugin: 'test', deadline: undefined, ask: (event: E) => void ask(event) }
  return { askers: [asker], shadows: [], deadline: 5000, observer }
}

/** For `hooks` of a forwarder. */
export function hooksOf(points: Partial<TxnPoints>): TxnPoints {
  return { ...NONE, ...points }
}
