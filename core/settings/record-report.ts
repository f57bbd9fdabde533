/** The records and the rules of sni.yaml in force, for operators. */
import { ProxyError } from '../base/errors.js'
import { recordHint } from '../config/record-lines.js'
import { placed } from '../config/record-place.js'
import type { RecordType } from '../config/record-row.js'
import { describeDomain, showValue } from '../config/record-value.js'
import { RECORD_NAMES, type RecordName, type Records, rowOf } from '../config/records-table.js'
import type { Rule } from '../config/rules.js'

/** One record; values as a line of records.config says them. */
export interface RecordInfo {
  readonly name: string
  readonly type: RecordType
  readonly value: string
  readonly default: string
  /** Where it is set: `etc/records.config:4`, an environment variable; undefined where the default holds. */
  readonly source: string | undefined
  /** Whether a reload takes over a new value; otherwise it needs a restart. */
  readonly reload: boolean
  /** What is accepted, and what the record does. */
  readonly domain: string
  readonly about: string
}

/** In a URL, from the first colon after the scheme to the last `@`: a name and a password may contain an `@`, too. */
const PASSWORD = /(:\/\/[^/:]*:).*@/s

export const recordInfos = (records: Records): readonly RecordInfo[] =>
  RECORD_NAMES.map(name => recordInfo(records, name))

/** @throws {ProxyError} PTC_ADMIN_REQUEST for a name that is no record's */
export function recordNamed(infos: readonly RecordInfo[], name: string): RecordInfo {
  const found = infos.find(one => one.name === name)
  if (found !== undefined) return found
  throw noSuchRecord(name)
}

export function noSuchRecord(name: string): ProxyError {
  const help = recordHint(name) || '; `ctl config match .` lists all'
  return new ProxyError('PTC_ADMIN_REQUEST', `there is no record "${name}"${help}`)
}

function recordInfo(records: Records, name: RecordName): RecordInfo {
  const row = rowOf(name)
  const place = placed(records, name)
  return {
    name,
    type: row.type,
    value: showValue(records[name]).replace(PASSWORD, '$1***@'),
    default: showValue(row.default),
    source: place === name ? undefined : place.slice(0, -(name.length + 2)),
    reload: row.reload !== false,
    domain: describeDomain(row),
    about: row.about,
  }
}

/** One rule. The first whose name matches an origin holds for it. */
export interface RuleInfo {
  /** Its place among the rules, from 1. */
  readonly number: number
  /** Where it stands: `etc/sni.yaml:4`. */
  readonly where: string
  readonly fqdn: string
  /** Its keys and values: texts as they are, everything else as JSON. The records hold for keys that it leaves out. */
  readonly says: Readonly<Record<string, string>>
}

export const ruleInfos = (rules: readonly Rule[]): readonly RuleInfo[] =>
  rules.map(({ where, fqdn, ...says }, i) => ({
    number: i + 1,
    where,
    fqdn,
    says: Object.fromEntries(
      Object.entries(says).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  }))
