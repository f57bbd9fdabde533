import { readValue, showValue } from '../../config/record-value.js'
import { isRecordName, rowOf } from '../../config/records-table.js'
import { lostProtection } from '../../config/traffic-server/protective.js'
import { counted } from '../findings.js'
import type { Source } from '../source.js'
import type { OldRecord, OldRecords } from './old-records.js'
import { migratePorts } from './ports.js'
import { CHOICES } from './record-choices.js'

/** Reads the records of the folder, and turns them into ours. */
export function migrateRecords(source: Source, old: OldRecords): void {
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
