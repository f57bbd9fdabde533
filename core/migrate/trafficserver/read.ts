/** Reads a folder of Traffic Server, of any release from 3 to 11. */

import { readValue, showValue } from '../../config/record-value.js'
import { isRecordName, rowOf } from '../../config/records-table.js'
import { lostProtection } from '../../config/traffic-server/protective.js'
import { counted } from '../findings.js'
import type { Source } from '../source.js'
import { migrateIpAllow } from './ip-allow.js'
import { migrateLogging } from './logging.js'
import { migrateMulticert } from './multicert.js'
import { migrateNeighbours } from './neighbours.js'
import { type OldRecord, type OldRecords, readOld } from './old-records.js'
import { migratePlugins } from './plugins.js'
import { DEFAULT_PORTS, migratePorts } from './ports.js'
import { CHOICES, CLOSED } from './record-choices.js'
import { migrateSni } from './sni.js'

const REQUIRED = 'proxy.config.url_remap.remap_required'
const PORTS = 'proxy.config.http.server_ports'
const POLICY = 'proxy.config.ssl.client.verify.server.policy'

export function readTrafficServer(source: Source): void {
  const old = readOld(source)
  migrateRecords(source, old)
  addDefaults(source, old)
  const named = (name: string): string | undefined => old.byName.get(name)?.value
  migrateIpAllow(source, named('proxy.config.cache.ip_allow.filename') ?? 'ip_allow.yaml')
  migrateMulticert(source, old, named('proxy.config.ssl.server.multicert.filename') ?? 'ssl_multicert.config')
  migrateSni(source, old, named('proxy.config.ssl.servername.filename'))
  migratePlugins(source)
  migrateLogging(source)
  migrateNeighbours(source, old)
}

/** What Traffic Server does where the records say nothing, and Portcullis does something else. */
function addDefaults(source: Source, { byName, isYaml, isThere }: OldRecords): void {
  const { findings, facts } = source
  const file = isYaml ? 'records.yaml' : 'records.config'
  if (!byName.has(PORTS)) migratePorts(source, `${file} (default)`, DEFAULT_PORTS)
  if (!byName.has(REQUIRED)) {
    facts.set(REQUIRED, 0)
    findings.add('undecided', file, `${REQUIRED} is not set, and its default is 1: ${CLOSED}`)
  }
  if (byName.has(POLICY) || byName.has('proxy.config.ssl.client.verify.server')) return
  if (isThere && !isYaml)
    findings.add('changed', file, `${POLICY} is not set: ENFORCED here; before 10 the default was PERMISSIVE`)
}

/** Reads the records of the folder, and turns them into ours. */
function migrateRecords(source: Source, old: OldRecords): void {
  let ignored = 0
  for (const record of old.byName.values()) {
    if (migrateOne(source, record, old) === 'ignored') ignored += 1
  }
  if (ignored > 0)
    source.findings.add(
      'lost',
      old.isYaml ? 'records.yaml' : 'records.config',
      `${counted(ignored, 'record')} nothing here: cache, threads, and what else Portcullis has not`,
    )
}

function migrateOne(
  source: Source,
  { name, value, where }: OldRecord,
  old: OldRecords,
): 'ignored' | undefined {
  const { facts, findings } = source
  if (name === 'proxy.config.http.server_ports') {
    migratePorts(source, where, value)
    return undefined
  }
  const choice = CHOICES[name]
  if (choice !== undefined) {
    choice({ source, value, where, old })
    return undefined
  }
  if (!isRecordName(name)) {
    const way = lostProtection(name, value)
    if (way === undefined) return 'ignored'
    findings.add('undecided', where, `${name}: ${way}`)
    return undefined
  }
  const text = /^"(.*)"$/.exec(value)?.[1] ?? value
  const reading = readValue(rowOf(name), text === '' ? 'NULL' : text)
  const wrong = 'wrong' in reading ? [reading.wrong] : facts.set(name, reading.value)
  if (wrong.length === 0) findings.add('kept', where, `${name} ${value}`)
  else {
    const [first] = wrong
    findings.add(
      PROTECTS.test(name) ? 'undecided' : 'lost',
      where,
      `${name}: ${first}; the default holds: ${showValue(rowOf(name).default)}`,
    )
  }
  return undefined
}

/** Records of ours of which a value that is not accepted may have kept something out. */
const PROTECTS = /\.ssl\.|remap_required|connect_ports|auth_server_session|ip_allow|max_connections|throttle/
