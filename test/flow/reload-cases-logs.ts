/** What shows that a reload takes over the records about the rolling of log files: how many rolled files there are. */
import { readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GivenRecords } from '../../core/settings/settings.js'
import type { ProxyConf } from '../kit/proxy.js'
import type { Reloadable, ReloadCase, ReloadCases, Stage } from '../kit/reloading.js'
import { makeTempDir } from '../kit/temp-dir.js'

const LOG = 'proxy.config.log'
const MB = 1_048_576

/** A folder with a log that was written to some minutes ago, and four that have been rolled before, of 1 MB each. */
export const logs = (bytes: number, minutesAgo: number) => async (later: Stage['later']) => {
  const dir = makeTempDir()
  later(dir.remove)
  const write = (name: string, size: number, at: number): void => {
    const file = join(dir.path, name)
    writeFileSync(file, 'x'.repeat(size))
    utimesSync(file, at / 1000, at / 1000)
  }
  for (let day = 1; day <= 4; day++)
    write(`x.log_host.2026010${day}.00h00m00s-2026010${day}.12h00m00s.old`, MB, Date.UTC(2026, 0, day))
  write('x.log', bytes, Date.now() - minutesAgo * 60_000)
  return dir.path
}

const hour = (offset: number): number => (new Date().getHours() + offset) % 24

/** Its log has 1.5 MB unless said otherwise, and is half a day away from being rolled daily. */
const rolling = <const V extends number>(
  values: { readonly from: V; readonly to: V; readonly expect: ReloadCase['expect'] },
  records: GivenRecords,
  make = logs(1.5 * MB, 90),
) => ({
  ...values,
  make,
  conf: (path: string): ProxyConf => ({
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': path,
      'proxy.config.log.filename': 'x.log',
      'proxy.config.log.rolling_offset_hr': hour(12),
      ...records,
    },
  }),
  probe: async ({ made }: Stage) => readdirSync(made as string).filter(name => name.endsWith('.old')).length,
})

const BY_TIME = { 'proxy.config.log.rolling_enabled': 1 } as const
const BY_SIZE = { 'proxy.config.log.rolling_enabled': 2, 'proxy.config.log.rolling_size_mb': 1 } as const

export const LOG_CASES: ReloadCases<
  Extract<Reloadable, `${typeof LOG}.${'rolling_' | 'auto_delete' | 'max_space'}${string}`>
> = {
  'proxy.config.log.rolling_enabled': rolling(
    { from: 0, to: 2, expect: [4, 5] },
    { 'proxy.config.log.rolling_size_mb': 1 },
  ),
  'proxy.config.log.rolling_interval_sec': rolling({ from: 86_400, to: 60, expect: [4, 5] }, BY_TIME),
  'proxy.config.log.rolling_offset_hr': rolling({ from: hour(12), to: hour(0), expect: [4, 5] }, BY_TIME),
  'proxy.config.log.rolling_size_mb': rolling({ from: 10, to: 1, expect: [4, 5] }, BY_SIZE),
  'proxy.config.log.rolling_max_count': rolling({ from: 0, to: 2, expect: [5, 2] }, BY_SIZE),
  'proxy.config.log.rolling_min_count': rolling(
    { from: 4, to: 0, expect: [4, 1] },
    { ...BY_SIZE, 'proxy.config.log.max_space_mb_for_logs': 2 },
  ),
  'proxy.config.log.rolling_allow_empty': rolling(
    { from: 0, to: 1, expect: [4, 5] },
    { ...BY_TIME, 'proxy.config.log.rolling_interval_sec': 60 },
    logs(0, 90),
  ),
  'proxy.config.log.auto_delete_rolled_files': rolling(
    { from: 0, to: 1, expect: [5, 1] },
    { ...BY_SIZE, 'proxy.config.log.max_space_mb_for_logs': 2 },
  ),
  'proxy.config.log.max_space_mb_for_logs': rolling({ from: 25_000, to: 2, expect: [5, 1] }, BY_SIZE),
}
