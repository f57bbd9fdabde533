/**
 * Turns a folder of another proxy into one of ours:
 *
 *     readers (trafficserver/, squid/) -> facts and findings -> writer, report
 *
 * What cannot be kept and protected something is never left out in silence: it becomes a line of undecided.config, with
 * which the folder does not start.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { Facts } from './facts.js'
import { Findings, reportText } from './findings.js'
import type { Source } from './source.js'
import { readSquid } from './squid/read.js'
import { readTrafficServer } from './trafficserver/read.js'
import { checkTarget, writeFolder } from './write.js'

export type OtherProxy = 'trafficserver' | 'squid'

export interface Migrating {
  /** Undefined: what the files say. */
  readonly from: OtherProxy | undefined
  /** Absolute: a folder, or squid.conf. */
  readonly dir: string
  /** Absolute. */
  readonly to: string
  /** Names of the plugins that come with the program. */
  readonly shipped: ReadonlySet<string>
}

export interface Migrated {
  readonly report: string
  readonly findings: Findings
  /** Whether every restriction was kept. */
  readonly isComplete: boolean
}

const READERS: Readonly<Record<OtherProxy, (source: Source) => void>> = {
  trafficserver: readTrafficServer,
  squid: readSquid,
}

/** @throws {ProxyError} PTC_MIGRATE */
export function migrate({ from, dir: given, to, shipped }: Migrating): Migrated {
  if (!existsSync(given)) throw new ProxyError('PTC_MIGRATE', `${given} does not exist`)
  checkTarget(to)
  const dir = statSync(given).isDirectory() ? given : dirname(given)
  const isSquid = !existsSync(join(dir, 'records.config')) && existsSync(join(dir, 'squid.conf'))
  const proxy = from ?? (isSquid ? 'squid' : 'trafficserver')
  const [facts, findings] = [new Facts(), new Findings()]
  READERS[proxy]({ dir, facts, findings, shipped })
  const undecided = findings.of('undecided', 'wrong')
  const report = reportText(findings, given, to)
  writeFolder(to, facts, undecided, given, report)
  return { report, findings, isComplete: undecided.length === 0 }
}
