/** Writes facts as a folder for `-D`. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ProxyError } from '../base/errors.js'
import { showValue } from '../config/record-value.js'
import { RECORD_NAMES, rowOf } from '../config/records-table.js'
import { UNDECIDED_FILE } from '../config/undecided.js'
import type { Facts } from './facts.js'
import type { Finding } from './findings.js'

/** @throws {ProxyError} PTC_MIGRATE for a folder that is not empty: nothing is overwritten */
export function checkTarget(to: string): void {
  if (existsSync(to) && readdirSync(to).length > 0)
    throw new ProxyError('PTC_MIGRATE', `${to} is there and not empty; name another folder with --to`)
}

/**
 * @param undecided what the folder must not start without: each becomes a line that a person deletes
 * @param from what the files say they come from
 */
export function writeFolder(
  to: string,
  facts: Facts,
  undecided: readonly Finding[],
  from: string,
  report: string,
): void {
  mkdirSync(to, { recursive: true })
  const write = (name: string, text: string): void =>
    writeFileSync(join(to, name), text, { flag: 'wx', mode: 0o600 })
  const head = `# Written by portcullis migrate from ${from}; report.txt tells what became of each setting.\n`
  write('records.config', head + recordLines(facts))
  write('plugin.config', head + facts.plugins.map(line => `${line}\n`).join(''))
  if (facts.clients.length > 0) write('ip_allow.yaml', head + ipAllow(facts))
  if (facts.origins.length > 0) write('sni.yaml', head + stringify({ sni: facts.origins }))
  if (facts.certificates.length > 0) write('ssl_multicert.config', head + certificates(facts))
  for (const [name, text] of facts.files) write(name, text)
  if (undecided.length > 0) write(UNDECIDED_FILE, HEAD + undecided.map(line).join(''))
  write('report.txt', report)
}

const HEAD = `# What kept something out before, and does not here. The proxy does not start while a line stands below.
# Decide about each: find another way, or accept that it is gone. Then delete its line.
`

const line = ({ where, what }: Finding): string => `${where}: ${what.replaceAll(/\s+/g, ' ')}\n`

function recordLines({ records }: Facts): string {
  return RECORD_NAMES.filter(name => records.has(name))
    .map(name => `CONFIG ${name} ${rowOf(name).type} ${showValue(records.get(name) ?? null)}\n`)
    .join('')
}

function ipAllow({ clients }: Facts): string {
  return stringify({
    ip_allow: clients.map(({ addresses, action, methods }) => ({
      apply: 'in',
      ip_addrs: addresses,
      action,
      methods: methods ?? 'ALL',
    })),
  })
}

function certificates({ certificates: lines }: Facts): string {
  const quoted = (text: string): string => (/\s/.test(text) ? `"${text}"` : text)
  return lines
    .map(({ destIp, certificates, keys, issuers }) => {
      const parts = [`dest_ip=${destIp}`, `ssl_cert_name=${quoted(certificates)}`]
      if (keys !== undefined) parts.push(`ssl_key_name=${quoted(keys)}`)
      if (issuers !== undefined) parts.push(`ssl_ca_name=${quoted(issuers)}`)
      return `${parts.join(' ')}\n`
    })
    .join('')
}
