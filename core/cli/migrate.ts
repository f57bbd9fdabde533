import { readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { migrate, type OtherProxy } from '../migrate/migrate.js'
import type { Place } from '../program/place.js'

export interface MigrateOptions {
  readonly words: readonly string[]
  readonly from: string | undefined
  readonly to: string | undefined
  readonly cwd: string
}

/**
 * `portcullis migrate [--from trafficserver|squid] DIR [--to DIR]`
 * @returns 0 where every restriction was kept, else 1
 * @throws {ProxyError} PTC_USAGE, PTC_MIGRATE
 */
export function migrateFolder(
  { shippedDirs, print }: Pick<Place, 'shippedDirs' | 'print'>,
  { words, from, to, cwd }: MigrateOptions,
): number {
  const [dir, ...more] = words
  if (dir === undefined || more.length > 0)
    throw new ProxyError('PTC_USAGE', 'migrate takes one folder: portcullis migrate DIR [--to DIR]')
  if (from !== undefined && !isProxy(from))
    throw new ProxyError('PTC_USAGE', `--from is trafficserver or squid, not "${from}"`)
  const given = resolve(cwd, dir)
  const { report, isComplete } = migrate({
    from,
    dir: given,
    to: resolve(cwd, to ?? `${basename(given).replace(/\.conf$/, '')}-portcullis`),
    shipped: new Set(shippedDirs.flatMap(namesIn)),
  })
  print('stdout', report.trimEnd())
  return isComplete ? 0 : 1
}

const isProxy = (word: string): word is OtherProxy => word === 'trafficserver' || word === 'squid'

function namesIn(dir: string): readonly string[] {
  return readdirSync(dir)
    .filter(name => /^\w+\.js$/.test(name))
    .map(name => name.replace(/\.js$/, ''))
}
