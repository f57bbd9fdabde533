/** sni.yaml of 9 and 10, ssl_server_name.yaml of 8, the Lua table ssl_server_name.config of 7: rules by name. */
import { join } from 'node:path'
import { checkFile, type Source, textOf } from '../source.js'
import { luaItems } from './lua-table.js'
import { folderOf, type OldRecords } from './old-records.js'
import { SNI_KEYS } from './sni-keys.js'
import { asTexts, type YamlItem, type YamlMap, yamlItems } from './yaml-items.js'

const FILES = ['sni.yaml', 'ssl_server_name.yaml', 'ssl_server_name.config']
/** What a rule is written in; all values are as the schema of our rules has them. */
type Draft = Record<string, unknown> & { fqdn: string }

/** @param named the file that the records name */
export function migrateSni(source: Source, old: OldRecords, named: string | undefined): void {
  const { findings } = source
  const found = [...new Set([...(named === undefined ? [] : [named]), ...FILES])].filter(
    name => (textOf(source, name) ?? '').trim() !== '',
  )
  const [file, ...others] = found
  if (file === undefined) return
  for (const other of others)
    findings.add('wrong', other, `${file} is there as well, and is read; remove one`)
  const text = textOf(source, file) ?? ''
  const items = /^\s*\w+\s*=\s*\{/m.test(text)
    ? luaItems(source, text, file)
    : yamlItems(source, text, file, 'sni')
  for (const item of items) migrateRule(source, old, item)
}

function migrateRule(source: Source, old: OldRecords, { value, where }: YamlItem): void {
  const { findings } = source
  const fqdn = String(value['fqdn'] ?? '')
  const rule: Draft = { fqdn }
  const kept: string[] = []
  for (const [key, given] of Object.entries(value)) {
    if (key === 'fqdn') continue
    const known = SNI_KEYS[key]
    if (known === undefined) findings.add('wrong', where, `${fqdn}: ${key} is no key of a rule`)
    else if ('lost' in known) {
      const outcome = known.protects?.(given) === false ? 'lost' : 'undecided'
      findings.add(outcome, where, `${fqdn}: ${key}: ${known.lost}`)
    } else {
      const taken = known.take(given)
      if (taken === undefined)
        findings.add('undecided', where, `${fqdn}: ${key}: ${String(given)} has no meaning here`)
      else {
        take(rule, taken)
        kept.push(`${key} ${String(given)}`)
        if (!Object.hasOwn(taken, key))
          findings.add('changed', where, `${fqdn}: ${key} ${String(given)} becomes ${show(taken)}`)
      }
    }
  }
  contradictions(source, value, where, fqdn)
  if (kept.length === 0) return
  const names = namesOf(source, fqdn, where)
  if (names.length === 0) return
  for (const key of ['client_cert', 'client_key'] as const) checkCertificate(source, old, rule, key, where)
  if (rule['verify_server'] === 0)
    findings.add('mind', where, `${fqdn}: certificates of these origins are NOT verified, as before`)
  findings.add('kept', where, `${fqdn}: ${kept.join(', ')}`)
  for (const name of names)
    source.facts.origins.push({ ...rule, fqdn: name } as (typeof source.facts.origins)[number])
}

/** The stricter of two policies in one rule counts; whatever is no policy is taken. */
function take(rule: Draft, taken: YamlMap): void {
  const rank = strictness(taken)
  if (rank > 0 && rank < strictness(rule)) return
  if (rank > 0) delete rule['verify_server']
  Object.assign(rule, taken)
}

function strictness({ verify_server: off, verify_server_policy: policy }: YamlMap): number {
  if (policy !== undefined) return policy === 'ENFORCED' ? 3 : 2
  return off === 0 ? 1 : 0
}

const show = (taken: YamlMap): string =>
  Object.entries(taken)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ')

/** A wildcard that is glued to a label means the label alone as well, in Traffic Server. */
function namesOf({ findings }: Source, fqdn: string, where: string): readonly string[] {
  if (fqdn === '' || fqdn.slice(1).includes('*')) {
    const what = fqdn === '' ? 'a client that names no host' : 'a star inside a name'
    findings.add('undecided', where, `${fqdn === '' ? "''" : fqdn}: no rule can mean ${what}`)
    return []
  }
  if (!/^\*[^.]/.test(fqdn)) return [fqdn]
  findings.add('changed', where, `${fqdn}: two rules, with the star and without it`)
  return [fqdn, fqdn.slice(1)]
}

/** Two spellings of one thing in one rule. */
function contradictions({ findings }: Source, value: YamlMap, where: string, fqdn: string): void {
  const [before, now] = [value['verify_origin_server'], value['verify_server_policy']]
  const oldWord: unknown = { STRICT: 'ENFORCED', MODERATE: 'PERMISSIVE', NONE: 'DISABLED' }[String(before)]
  if (before !== undefined && now !== undefined && oldWord !== now)
    findings.add(
      'undecided',
      where,
      `${fqdn}: verify_origin_server ${String(before)} means ${String(oldWord)}, and verify_server_policy says ${String(now)}`,
    )
  if (/^(?:on|true)$/.test(String(value['http2'])) && String(value['disable_h2']) === 'true')
    findings.add('undecided', where, `${fqdn}: http2 is on, and disable_h2 says off`)
}

function checkCertificate(
  source: Source,
  old: OldRecords,
  rule: Draft,
  key: 'client_cert' | 'client_key',
  where: string,
): void {
  const [name] = asTexts(rule[key])
  if (name === undefined) return
  const record =
    key === 'client_cert' ? 'proxy.config.ssl.client.cert.path' : 'proxy.config.ssl.client.private_key.path'
  const path = folderOf(source, old, record)
  source.facts.set(record, path)
  checkFile(source, where, `${rule.fqdn}: ${key}`, name.startsWith('/') ? name : join(path, name))
}
