/** The other files: map rules, parents, and what belongs to a cache. */

import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { wordSet } from '../../base/text.js'
import { unreadNeighbours } from '../../config/traffic-server/neighbours.js'
import { wrongParentLine } from '../facts.js'
import { linesOf, type Source, textOf } from '../source.js'
import type { OldRecords } from './old-records.js'

/** Files that the readers beside this one have read. */
const READ = wordSet(`
  ip_allow.config logging.config logging.yaml ssl_multicert.yaml ssl_server_name.config ssl_server_name.yaml
  remap.config parent.config
`)

export function migrateNeighbours(source: Source, old: OldRecords): void {
  migrateRemap(source, old)
  migrateParents(source, old)
  for (const said of unreadNeighbours(source.dir, READ)) {
    const [path = '', why = ''] = said.split(' is not read: ')
    const name = basename(path)
    source.findings.add(DECIDES.has(name) ? 'undecided' : 'lost', name, why)
  }
  for (const name of readdirSync(source.dir).filter(name => name === 'squid.conf'))
    source.findings.add(
      'wrong',
      name,
      'this folder was read as one of Traffic Server; --from squid reads this file',
    )
}

const DECIDES = new Set(['strategies.yaml', 'remap.yaml', 'virtual_hosts.config', 'bypass.config'])

function migrateRemap(source: Source, { byName }: OldRecords): void {
  const { findings } = source
  const isClosed = byName.get('proxy.config.url_remap.remap_required')?.value !== '0'
  const rules = linesOf(textOf(source, 'remap.config') ?? '', 'remap.config')
  let lost = 0
  for (const { text, where } of rules) {
    const tells = /@(?:action|method|src_ip|plugin|in_ip)=/.exec(text)?.[0]
    const isForward = !isClosed && /^\w*map\s+https?:/i.test(text)
    if (tells !== undefined)
      findings.add('undecided', where, `the map rule has ${tells}…, and there are no map rules here`)
    else if (isForward)
      findings.add(
        'undecided',
        where,
        'the map rule sends requests to another origin; here they go to the origin that they name',
      )
    else lost += 1
  }
  if (lost > 0) findings.add('lost', 'remap.config', `${lost} map rules: Portcullis is a forward proxy`)
}

/** Lines that can be read here become the new file; the others are for the operator. */
function migrateParents(source: Source, { byName }: OldRecords): void {
  const { facts, findings } = source
  const name = byName.get('proxy.config.http.parent_proxy.file')?.value ?? 'parent.config'
  const isOff = byName.get('proxy.config.http.parent_proxy_routing_enable')?.value === '0'
  const kept: string[] = []
  for (const { text, where } of linesOf(textOf(source, name) ?? '', name)) {
    const subject = text.split(/\s+/)[0] ?? ''
    if (isOff) findings.add('lost', where, 'the rule was switched off')
    else {
      const wrong = wrongParentLine(text)
      if (wrong === undefined) kept.push(text)
      findings.add(
        wrong === undefined ? 'kept' : 'undecided',
        where,
        `${subject}: ${wrong ?? 'read as it is'}`,
      )
      if (wrong === undefined && /\bdest_ip=/.test(text))
        findings.add(
          'mind',
          where,
          'dest_ip counts for requests that name an address; names are not resolved for it',
        )
    }
  }
  if (kept.length > 0) facts.files.set(name, `${kept.join('\n')}\n`)
}
