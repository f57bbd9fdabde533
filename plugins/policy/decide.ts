import type { Condition } from './conditions.js'
import { SELECTING } from './conditions.js'
import type { Facts } from './facts.js'
import type { Rule } from './rules-file.js'

/** The first rule that matches; without one everything is allowed. */
export interface Decision {
  readonly rule: Rule | undefined
  /** What a `require` demands and the origin does not have. */
  readonly missing: Condition | undefined
}

/**
 * Decides about an origin. A condition that cannot be known does not hold; one about what the certificate shows and does not let
 * be read holds for a `block`, so that no certificate gets past it by being malformed.
 */
export function decide(rules: readonly Rule[], facts: Facts): Decision {
  for (const rule of rules) {
    if (rule.times !== undefined && !rule.times.holds(facts.now)) continue
    const isDemand = demandsOf(rule)
    if (!rule.conditions.every(condition => isDemand(condition) || holds(rule, condition, facts))) continue
    const missing = rule.conditions.find(condition => isDemand(condition) && condition.holds(facts) !== true)
    return { rule, missing }
  }
  return { rule: undefined, missing: undefined }
}

const holds = ({ action }: Rule, condition: Condition, facts: Facts): boolean =>
  condition.holds(facts) === true || (action === 'block' && condition.isUnreadable?.(facts) === true)

/** The conditions of a `require` that do not select are demands. */
const demandsOf =
  ({ action }: Rule) =>
  ({ key }: Condition): boolean =>
    action === 'require' && !SELECTING.has(key)

/** For how long a decision can hold: until a time of the day begins or ends. Undefined: without end. */
export function timeLeft(rules: readonly Rule[], now: Date): number | undefined {
  const ends = rules.flatMap(({ times }) => (times === undefined ? [] : [times.next(now)]))
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/** Which rule decides and why, a line for each rule up to it. */
export function explain(rules: readonly Rule[], facts: Facts): readonly string[] {
  const lines: string[] = []
  for (const rule of rules) {
    const isDemand = demandsOf(rule)
    const label = `${rule.where} ${rule.name} (${rule.action})`
    if (rule.times !== undefined && !rule.times.holds(facts.now)) {
      lines.push(`${label}: no, it is not the time`)
      continue
    }
    const selecting = rule.conditions.filter(condition => !isDemand(condition))
    const no = selecting.find(condition => condition.holds(facts) === false && !holds(rule, condition, facts))
    if (no !== undefined) {
      lines.push(`${label}: no, ${about(no, facts)}`)
      continue
    }
    const unknown = rule.conditions.filter(condition => condition.holds(facts) === undefined)
    if (unknown.length > 0) {
      lines.push(`${label}: perhaps, ${unknown.map(condition => about(condition, facts)).join('; ')}`)
      continue
    }
    const missing = rule.conditions.find(condition => isDemand(condition) && condition.holds(facts) !== true)
    if (missing !== undefined) return [...lines, `${label}: rejects, ${about(missing, facts)}`]
    const why = rule.conditions.map(condition => about(condition, facts)).join('; ') || 'it has no conditions'
    return [...lines, `${label}: ${rule.action === 'block' ? 'rejects' : 'accepts'}, ${why}`]
  }
  return [...lines, 'no other rule matches: accepts']
}

const about = ({ key, wanted, found }: Condition, facts: Facts): string =>
  `${key} is ${found(facts)}, the rule says ${wanted}`
