import { isIP } from 'node:net'
import { parseHost } from '../base/host.js'
import { linearPattern } from '../base/linear-pattern.js'
import { isThere, type Problem, problemsError, quote, readConfigFile } from './config-file.js'
import type { NamedFile } from './record-place.js'
import { INBOUND_KEYS, RULES_SCHEMA } from './rules-schema.js'
import { type YamlReading, yamlReader } from './yaml-file.js'

type TlsName = 'TLSv1_2' | 'TLSv1_3'

/** A rule of sni.yaml, by its keys. The records hold for keys that it leaves out. */
export interface RuleText {
  readonly fqdn: string
  readonly verify_server_policy?: 'ENFORCED' | 'PERMISSIVE' | 'DISABLED'
  readonly verify_server_properties?: 'ALL' | 'SIGNATURE' | 'NAME' | 'NONE'
  readonly client_cert?: string
  readonly client_key?: string
  readonly client_sni_policy?: string
  readonly verify_server?: 0 | 1 | 2
  readonly verify_server_override?: 0 | 1
  readonly verify_server_ca?: string
  readonly verify_server_crl?: string
  readonly verify_server_crl_depth?: 'LEAF' | 'CHAIN'
  readonly verify_server_name?: string
  readonly verify_server_san?: readonly SanRule[]
  readonly verify_server_spki?: readonly string[]
  readonly verify_server_cert_sha256?: readonly string[]
  readonly verify_server_min_rsa_bits?: number
  readonly verify_server_min_ec_bits?: number
  readonly verify_deadline_ms?: number
  readonly client_tls_version_min?: TlsName
  readonly client_tls_version_max?: TlsName
  readonly client_cipher_suite?: string
  readonly client_TLSv1_3_cipher_suites?: string
  readonly client_groups_list?: string
  readonly client_alpn?: readonly string[]
  readonly client_sni?: string | null
  readonly connect_verify?: 'probe' | 'bump' | 'tunnel'
  readonly connect_timeout_ms?: number
  readonly handshake_timeout_ms?: number
  readonly total_timeout_ms?: number
}

/** A rule, and where it stands: `etc/sni.yaml:4`. */
export interface Rule extends RuleText {
  readonly where: string
}

/** Says that a key of Traffic Server's is known, and why it is refused. */
const inbound = (key: string): string | undefined =>
  INBOUND_KEYS.has(key)
    ? `${quote(key)} is about the TLS of clients, which Portcullis does not set per name; remove it`
    : undefined

type RuleFile = { readonly sni?: readonly RuleText[] | null } | null
const readRules = yamlReader<RuleFile>(RULES_SCHEMA, 'PTC_RULES_INVALID', inbound)

/**
 * The rules of a text in the form of Traffic Server's sni.yaml, in their order.
 * @param file what errors call the text
 * @throws {ProxyError} PTC_RULES_INVALID with every mistake, its line and its key
 */
export function parseRules(text: string, file: string): readonly Rule[] {
  const yaml = readRules(text, file)
  const rules = yaml.value?.sni ?? []
  const problems = rules.flatMap((rule, i) => contradictions(rule, i, yaml))
  if (problems.length > 0) throw problemsError('PTC_RULES_INVALID', problems)
  return Object.freeze(
    rules.map((rule, i) => Object.freeze({ ...rule, ...namesIn(rule), where: yaml.where(['sni', i]) })),
  )
}

/**
 * Reads the rules. A missing file of the default name has none.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, PTC_RULES_INVALID
 */
export function loadRules({ path, by, mayBeMissing }: NamedFile): readonly Rule[] {
  if (mayBeMissing && !isThere(path)) return []
  return parseRules(readConfigFile(path, by), path)
}

/** The rule for an origin: the first that matches. */
export function findRule(rules: readonly Rule[], host: string): Rule | undefined {
  const name = parseHost(host)?.name ?? toAscii(host)
  return rules.find(({ fqdn }) =>
    fqdn.startsWith('*')
      ? (name.length >= fqdn.length && name.endsWith(fqdn.slice(1))) || fqdn === '*'
      : name === fqdn,
  )
}

/** The names of a rule, in the one form in which names are compared. */
function namesIn(rule: RuleText): Partial<RuleText> & Pick<RuleText, 'fqdn'> {
  const { fqdn, verify_server_name: second, client_sni: sni, client_sni_policy: policy } = rule
  const { verify_server_san: sans } = rule
  return {
    fqdn: toAscii(fqdn),
    ...(sans === undefined ? {} : { verify_server_san: sans.map(sanOf) }),
    ...(second === undefined ? {} : { verify_server_name: toAscii(second) }),
    ...(typeof sni === 'string' && sni !== '' ? { client_sni: toAscii(sni) } : {}),
    ...(policy?.startsWith('@') === true ? { client_sni_policy: `@${toAscii(policy.slice(1))}` } : {}),
  }
}

/** Demands beyond chain and name. */
export const PIN_KEYS = [
  'verify_server_san',
  'verify_server_spki',
  'verify_server_cert_sha256',
  'verify_server_min_rsa_bits',
  'verify_server_min_ec_bits',
] as const satisfies readonly (keyof Rule)[]

/** Keys that are good alone and wrong together. */
function contradictions(rule: RuleText, index: number, yaml: YamlReading<RuleFile>): readonly Problem[] {
  const problems: Problem[] = []
  const wrong = (key: string, what: string, ...more: (string | number)[]): void =>
    void problems.push({ where: yaml.where(['sni', index, key, ...more]), what: `${key}: ${what}` })
  if (rule.fqdn !== '*' && parseHost(splitStar(rule.fqdn).rest) === undefined)
    wrong('fqdn', `${quote(rule.fqdn)} is not a name`)
  const { client_sni: sni, client_sni_policy: policy, verify_server_name: second } = rule
  const announced = { client_sni: sni ?? '', client_sni_policy: policy?.replace(/^(?:@|host$)/, '') ?? '' }
  for (const [key, text] of Object.entries(announced)) {
    const mistake = text === '' ? undefined : wrongName(text, false)
    if (mistake !== undefined) wrong(key, mistake)
  }
  const mistaken = second === undefined ? undefined : wrongName(second, true)
  if (mistaken !== undefined) wrong('verify_server_name', mistaken)
  if (rule.client_key !== undefined && rule.client_cert === undefined)
    wrong('client_key', 'a key without a certificate; add client_cert')
  if (rule.client_tls_version_min === 'TLSv1_3' && rule.client_tls_version_max === 'TLSv1_2')
    wrong('client_tls_version_min', 'the oldest version is newer than client_tls_version_max')
  if (rule.client_sni !== undefined && rule.client_sni_policy !== undefined)
    wrong('client_sni', 'client_sni_policy says something about the same; keep one')
  if (rule.verify_server_crl_depth !== undefined && rule.verify_server_crl === undefined)
    wrong('verify_server_crl_depth', 'there is no list to ask; add verify_server_crl')
  const pin = PIN_KEYS.find(key => rule[key] !== undefined)
  if (pin !== undefined && (rule.verify_server_policy === 'DISABLED' || rule.verify_server === 0))
    wrong(pin, 'the rule switches off the check that would look at it')
  for (const [i, san] of (rule.verify_server_san ?? []).entries()) {
    const { regex } = san
    const unlike = wrongSan(san)
    if (unlike !== undefined) wrong('verify_server_san', unlike, i)
    const mistake = regex === undefined ? undefined : regexMistake(regex)
    if (mistake !== undefined) wrong('verify_server_san', mistake, i, 'regex')
  }
  return problems
}

function regexMistake(source: string): string | undefined {
  const pattern = linearPattern(source, { anchor: 'whole' })
  return 'wrong' in pattern ? pattern.wrong : undefined
}

/** The names in rules of sni.yaml, which are read as the names in URLs are. */
/** A matcher of sni.yaml: its type, and exactly one of the four others. */
interface SanRule {
  readonly type: 'dns' | 'ip' | 'uri' | 'email'
  readonly exact?: string
  readonly prefix?: string
  readonly suffix?: string
  readonly regex?: string
}

/** Lower case, A-labels, no dot at the end: how names are compared. */
function toAscii(name: string): string {
  const { star, rest } = splitStar(name)
  return star + (parseHost(rest)?.name ?? rest.toLowerCase())
}

/** A leading `*`, with the dot behind it if there is one, and what must be a host. */
function splitStar(name: string): { readonly star: string; readonly rest: string } {
  const [, star = '', rest = ''] = /^(\*\.?)?(.*)$/s.exec(name) ?? []
  return { star, rest }
}

/** What is wrong with a name that is announced to an origin, which is never an address (RFC 6066 section 3). */
function wrongName(text: string, mayBeAddress: boolean): string | undefined {
  const host = parseHost(text)
  if (host === undefined) return `${quote(text)} is not a name`
  return host.isAddress && !mayBeAddress ? `${quote(text)} is an address; write a name` : undefined
}

/** A matcher with its name in the form in which certificates have it. */
const sanOf = (san: SanRule): SanRule =>
  san.type === 'dns' && san.exact !== undefined ? { ...san, exact: toAscii(san.exact) } : san

/** What is wrong with a matcher: a value that no alternative name of its type can have. */
function wrongSan({ type, exact, prefix, suffix }: SanRule): string | undefined {
  if (type === 'ip')
    return exact === undefined || isIP(exact) !== 0 ? undefined : `${quote(exact)} is not an address`
  if (type !== 'dns') return undefined
  if (exact !== undefined) {
    const host = parseHost(splitStar(exact).rest)
    if (host === undefined) return `${quote(exact)} is not a name`
    return host.isAddress ? `${quote(exact)} is an address; its type is ip` : undefined
  }
  const part = prefix ?? suffix ?? ''
  if (/[^\x21-\x7e]/.test(part))
    return `${quote(part)} is in no name of a certificate; write what is not ASCII as xn--`
  return suffix?.endsWith('.') === true
    ? `${quote(suffix)}: no name of a certificate ends with a dot`
    : undefined
}
