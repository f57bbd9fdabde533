/** The rules of sni.yaml in force, for operators. */
import type { Rule } from '../config/rules.js'

/** One rule. The first whose name matches an origin holds for it. */
export interface RuleInfo {
  /** Its place among the rules, from 1. */
  readonly number: number
  /** Where it stands: `etc/sni.yaml:4`. */
  readonly where: string
  readonly fqdn: string
  /** What it says, by its keys; texts as they are, everything else as JSON. What it leaves out is said by the records. */
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
