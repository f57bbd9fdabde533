import type { Maybe } from '../admin/admin-api.js'
import { every } from '../base/timer.js'
import type { Place } from './place.js'
import type { ProxyServer } from './proxy.js'

/** Milliseconds between two lines. */
const PERIOD = 5000

/** What runs: one proxy, or the process above several. */
export interface Running extends Pick<ProxyServer, 'reload' | 'stop' | 'reopenLogs' | 'tellFault'> {
  /** How many client connections are open. */
  left(): Maybe<number>
}

/**
 * Says again and again how many client connections are left, while a stop lasts.
 * @param grace milliseconds of the whole stop
 */
export function tellProgress(grace: number, running: Pick<Running, 'left'>, print: Place['print']): void {
  const began = performance.now()
  const tell = async (): Promise<void> => {
    const count = await running.left()
    const seconds = Math.ceil(Math.max(0, grace - (performance.now() - began)) / 1000)
    print('stdout', `portcullis ends: ${count} client connections are left, ${seconds} s at most`)
  }
  // The count fails when a process has just ended; the next one reports it.
  const tellOrWait = (): void => void tell().catch(() => undefined)
  every(PERIOD, tellOrWait, () => undefined).unref()
}
