import { availableParallelism } from 'node:os'
import { fileOf } from '../config/record-place.js'
import type { Records } from '../config/records-table.js'

/** How many processes serve. */
export const processCount = (records: Records): number =>
  records['proxy.config.exec_thread.autoconfig'] === 1
    ? availableParallelism()
    : records['proxy.config.exec_thread.limit']

export interface FleetSettings {
  readonly url: string
  /** Absolute. */
  readonly keyFile: string
}

/** What is shared with other machines; undefined where nothing is. */
export function fleetSettings(records: Records, confDir: string): FleetSettings | undefined {
  const url = records['proxy.config.cluster.redis_url']
  return url === null
    ? undefined
    : Object.freeze({ url, keyFile: fileOf(records, 'proxy.config.cluster.key_file', confDir).path })
}
