import { setTimeout as sleep } from 'node:timers/promises'
import type { Generation } from './generation.js'

const SECOND = 1000

/** When the last client has gone, what was parked for it ends within a few turns of the event loop. */
export async function handshakesEnd(setups: readonly Generation[]): Promise<void> {
  const limit = Date.now() + SECOND
  while (Date.now() < limit && setups.some(isWaitedFor)) await sleep(1)
}

/** Whether handshakes, transactions, or turns of its plugins are under way that began with it. */
export const isInUse = (setup: Generation): boolean =>
  isWaitedFor(setup) || setup.points.transactions.count + setup.shadowTurns.count > 0

/** Nobody waits for a plugin in shadow mode, the end of the proxy included. */
const isWaitedFor = ({ verification, clientHandshakes, points }: Generation): boolean =>
  verification.inFlight() + clientHandshakes.count + points.inFlight > 0

/** Nothing uses it any more. */
export function discard(setup: Generation): void {
  setup.leaveRevoking()
  setup.names.close()
  setup.shadowTurns.stop()
  setup.plugins.unload()
  setup.contexts.free()
  setup.certificates?.free()
  setup.bump?.certificates.free()
}
