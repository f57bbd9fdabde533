/** ip_allow.yaml of 9 and 10, ip_allow.config before. Order and methods stay: the first rule that matches decides. */
import { METHODS } from 'node:http'
import { linesOf, type Source, textOf } from '../source.js'
import { addressText, isEverybody, isPrivateRange } from './addresses.js'
import { asTexts, type YamlMap, yamlItems } from './yaml-items.js'

/** A rule as either file has it. */
interface OldRule {
  readonly where: string
  readonly isOut: boolean
  readonly addresses: readonly string[]
  readonly action: string
  readonly methods: readonly string[]
}

const PRIVATE_ORIGINS = 'proxy.config.http.deny_private_origins'

/** @param yamlName the file that the records name */
export function migrateIpAllow(source: Source, yamlName: string): void {
  const { findings } = source
  const [yaml, config] = [textOf(source, yamlName), textOf(source, 'ip_allow.config')]
  const isLines = yaml !== undefined && /^\s*(?:src_ip|dest_ip)\s*=/m.test(yaml)
  const rules: OldRule[] = []
  if (yaml !== undefined && !isLines) rules.push(...fromYaml(source, yaml, yamlName))
  else if (isLines) rules.push(...fromLines(source, yaml, yamlName))
  else if (config !== undefined) rules.push(...fromLines(source, config, 'ip_allow.config'))
  else return void findings.add('mind', yamlName, 'it is not there: only this machine may use the proxy')
  if (yaml !== undefined && config !== undefined && !isLines && yamlName !== 'ip_allow.config')
    findings.add('wrong', 'ip_allow.config', `there is ${yamlName} as well, which is read; remove one`)
  for (const rule of rules) {
    if (rule.isOut) migrateOut(source, rule)
    else migrateIn(source, rule)
  }
  if (rules.length > 0)
    findings.add('changed', rules[0]?.where ?? yamlName, `${rules.length} rules become ip_allow.yaml`)
}

function migrateIn({ facts, findings }: Source, { where, addresses, action, methods }: OldRule): void {
  const isAll = methods.length === 0 || methods.some(method => /^all$/i.test(method))
  const known = methods.filter(method => METHODS.includes(method.toUpperCase()) || /^push$/i.test(method))
  const unknown = methods.filter(method => !known.includes(method) && !/^all$/i.test(method))
  if (unknown.length > 0) findings.add('changed', where, `${unknown.join(', ')} cannot be sent to this proxy`)
  if (!isAll && known.length === 0) return void findings.add('wrong', where, 'no method of the rule is known')
  const rule = {
    addresses,
    action: action === 'deny' ? ('deny' as const) : ('allow' as const),
    methods: isAll ? undefined : known.map(method => method.toUpperCase()),
  }
  if (addresses.length === 0) return
  facts.clients.push(rule)
  const isOpen = rule.action === 'allow' ? rule.methods === undefined : rule.methods !== undefined
  if (isOpen && addresses.some(isEverybody))
    findings.add('mind', where, `everybody may use this proxy: ${addresses.filter(isEverybody).join(', ')}`)
}

/** A rule for origins. Denied private ones have a record; nothing else can be said. */
function migrateOut({ facts, findings }: Source, { where, addresses, action, methods }: OldRule): void {
  const isAll = methods.length === 0 || methods.some(method => /^all$/i.test(method))
  const said = `origins ${addresses.join(', ')}`
  if (action === 'deny' && addresses.every(isPrivateRange)) {
    facts.set(PRIVATE_ORIGINS, 1)
    findings.add('changed', where, `${said}: ${PRIVATE_ORIGINS} 1, for all private addresses and methods`)
  } else if (action === 'deny') findings.add('undecided', where, `${said}: no rule denies origins by address`)
  else if (!isAll)
    findings.add('undecided', where, `${said}: no rule denies methods by the address of the origin`)
  else if (facts.records.get(PRIVATE_ORIGINS) !== 1)
    findings.add('changed', where, `${said}: origins are allowed anyway`)
  else findings.add('lost', where, `${said}: private origins have no exceptions`)
}

function fromLines({ findings }: Source, text: string, file: string): readonly OldRule[] {
  return linesOf(text, file).flatMap(({ text, where }) => {
    const addresses: string[] = []
    const methods: string[] = []
    let [action, isOut, isGood] = ['', false, true]
    for (const token of text.split(/\s+/)) {
      const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(token) ?? []
      if (key === 'method') methods.push(...value.split('|').filter(name => name !== ''))
      else if (key === 'action') action = value.replace(/^ip_/, '')
      else if (key === 'src_ip' || key === 'dest_ip') {
        isOut = key === 'dest_ip'
        const address = addressText(value)
        if (address !== undefined) addresses.push(address)
        else {
          findings.add('wrong', where, `${value} is no address`)
          isGood = false
        }
      } else {
        findings.add('wrong', where, `${token} is no src_ip=, dest_ip=, action= or method=`)
        isGood = false
      }
    }
    if (isGood && action !== 'allow' && action !== 'deny') {
      findings.add('wrong', where, 'action= must be ip_allow or ip_deny')
      isGood = false
    }
    return isGood ? [{ where, isOut, addresses, action, methods }] : []
  })
}

const KEYS: ReadonlySet<string> = new Set([
  'apply',
  'ip_addrs',
  'ip_addr',
  'ip_categories',
  'action',
  'methods',
  'method',
])

function fromYaml(source: Source, text: string, file: string): readonly OldRule[] {
  const { findings } = source
  const groups = new Map<string, readonly string[]>()
  for (const { value } of yamlItems(source, text, file, 'ip_categories'))
    groups.set(String(value['name']), asTexts(value['ip_addrs']))
  return yamlItems(source, text, file, 'ip_allow').flatMap(({ value, where }) => {
    for (const key of Object.keys(value).filter(key => !KEYS.has(key)))
      findings.add('wrong', where, `${key} is no key of a rule`)
    const action = String(value['action']).replace(/^set_/, '')
    const addresses = addressesOf(source, value, groups, where)
    const isGood = /^(?:allow|deny)$/.test(action) && /^(?:in|out)$/.test(String(value['apply']))
    if (!isGood) findings.add('wrong', where, 'a rule has apply: in or out, and action: allow or deny')
    if (!isGood || addresses === undefined) return []
    const methods = asTexts(value['methods'] ?? value['method']).flatMap(word => word.split(/[\s,|]+/))
    return [{ where, isOut: value['apply'] === 'out', addresses, action, methods }]
  })
}

/** Undefined if one of them cannot be read: a rule for fewer addresses may let in more. */
function addressesOf(
  { findings }: Source,
  value: YamlMap,
  groups: ReadonlyMap<string, readonly string[]>,
  where: string,
): readonly string[] | undefined {
  const names = asTexts(value['ip_categories'])
  const missing = names.filter(name => !groups.has(name))
  const texts = [
    ...asTexts(value['ip_addrs'] ?? value['ip_addr']),
    ...names.flatMap(name => groups.get(name) ?? []),
  ]
  const bad = texts.filter(text => addressText(text) === undefined)
  for (const name of missing) findings.add('undecided', where, `the group ${name} is not in this file`)
  for (const text of bad) findings.add('wrong', where, `${text} is no address`)
  if (names.length > 0 && missing.length === 0)
    findings.add('changed', where, `the group ${names.join(', ')} is spelled out`)
  return missing.length + bad.length > 0 ? undefined : texts.map(text => addressText(text) ?? text)
}
