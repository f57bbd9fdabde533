import { availableParallelism } from 'node:os'
import type { Records } from '../config/records-table.js'

/** How many processes serve. */
export const processCount = (records: Records): number =>
  records['proxy.config.exec_thread.autoconfig'] === 1
    ? availableParallelism()
    : records['proxy.config.exec_thread.limit']
