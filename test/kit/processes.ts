/** Several processes that serve under one. */
import type { Managed } from './managed.js'

/** Two processes. */
export const TWO = { records: { 'proxy.config.exec_thread.limit': 2 } } as const

/** What an operator is told of the processes. */
export async function statusOf({ ctl }: Managed) {
  return JSON.parse((await ctl('status', '--json')).out) as {
    readonly pid: number
    readonly generation: number
    readonly processes: readonly { pid: number; generation: number; counters: Record<string, number> }[]
    readonly counters: Record<string, number>
  }
}
