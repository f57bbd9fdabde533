/** Reads a folder of Traffic Server, of any release from 3 to 11. */
import type { Source } from '../source.js'
import { migrateIpAllow } from './ip-allow.js'
import { migrateLogging } from './logging.js'
import { migrateMulticert } from './multicert.js'
import { migrateNeighbours } from './neighbours.js'
import { type OldRecords, readOld } from './old-records.js'
import { migratePlugins } from './plugins.js'
import { DEFAULT_PORTS, migratePorts } from './ports.js'
import { CLOSED } from './record-choices.js'
import { migrateRecords } from './records.js'
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
