import { type Reason, X509_ERRORS, type X509ErrorName } from 'portcullis/plugin'
import { yamlReader } from '../files/yaml.js'
import { parseDuration } from './comparison.js'
import { CONDITIONS, type Condition } from './conditions.js'
import { DAYS, type Day, parseTimes, type Times } from './times.js'

const ACTIONS = ['allow', 'block', 'delay', 'require'] as const
export type Action = (typeof ACTIONS)[number]

/** One rule of policy.yaml. */
export interface Rule {
  readonly name: string
  readonly action: Action
  readonly conditions: readonly Condition[]
  /** Undefined: at any time. */
  readonly times: Times | undefined
  /** Milliseconds, of `delay`. */
  readonly delay: number
  /** The reason of a rejection. */
  readonly reason: Reason | X509ErrorName
  readonly detail: string | undefined
  /** `policy.yaml:7`, without the folder. */
  readonly where: string
}

type Texts = string | number | readonly (string | number)[]

interface RawRule {
  readonly name?: string
  readonly action: Action
  readonly delay?: string
  readonly reason?: Reason | X509ErrorName
  readonly detail?: string
  readonly time?: Texts
  readonly days?: Day | readonly Day[]
  readonly timezone?: string
  readonly [condition: string]: unknown
}

const REASONS = [
  'policy',
  'untrusted-issuer',
  'name-mismatch',
  'expired',
  'not-yet-valid',
  'revoked',
  'unsupported',
  'unknown',
] satisfies readonly Reason[]

const TEXT = { type: ['string', 'number'] }
const TEXTS = { anyOf: [TEXT, { type: 'array', items: TEXT, minItems: 1 }] }
const DAY = { enum: DAYS }

const readYaml = yamlReader<{ readonly rules: readonly RawRule[] }>({
  type: 'object',
  properties: {
    rules: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string', minLength: 1 },
          action: { enum: ACTIONS },
          delay: { type: 'string' },
          reason: { enum: [...REASONS, ...Object.keys(X509_ERRORS)] },
          detail: { type: 'string' },
          time: TEXTS,
          days: { anyOf: [DAY, { type: 'array', items: DAY, minItems: 1 }] },
          timezone: { type: 'string' },
          ...Object.fromEntries(Object.keys(CONDITIONS).map(key => [key, TEXTS])),
        },
        required: ['action'],
        additionalProperties: false,
      },
    },
  },
  required: ['rules'],
  additionalProperties: false,
})

/** @throws {Error} that names file, line and mistake */
export function parseRules(text: string, file: string): readonly Rule[] {
  const { value, where } = readYaml(text, file)
  return value.rules.map((raw, i): Rule => {
    const { name = `rule ${i + 1}`, action, delay, reason = 'policy', detail } = raw
    const at = where('rules', i)
    const placed = <T>(key: string, make: () => T): T => {
      try {
        return make()
      } catch (cause) {
        throw new Error(
          `${where('rules', i, key)}: rules[${i}].${key}: ${cause instanceof Error ? cause.message : cause}`,
        )
      }
    }
    const wrong = wrongIn(raw)
    if (wrong !== undefined) throw new Error(`${at}: rules[${i}]: ${wrong}`)
    const conditions = Object.entries(CONDITIONS).flatMap(([key, make]): Condition[] => {
      if (raw[key] === undefined) return []
      const texts = textsOf(raw[key] as Texts)
      return [{ key, wanted: texts.join(', '), ...placed(key, () => make(texts)) }]
    })
    return {
      name,
      action,
      conditions,
      times: placed('time', () => timesOf(raw)),
      delay: delay === undefined ? 0 : placed('delay', () => parseDuration(delay)),
      reason,
      detail,
      where: at.replace(/^.*[\\/]/, ''),
    }
  })
}

function wrongIn({ action, delay, reason, detail, time, days, timezone }: RawRule): string | undefined {
  if ((action === 'delay') !== (delay !== undefined))
    return 'the action delay takes a delay, and no other does'
  if ((action === 'allow' || action === 'delay') && (reason ?? detail) !== undefined)
    return `reason and detail are about rejections, and the action is ${action}`
  if (timezone !== undefined && time === undefined && days === undefined)
    return 'timezone is there without time and days'
  return undefined
}

function timesOf({ time, days, timezone }: RawRule): Times | undefined {
  if (time === undefined && days === undefined) return undefined
  return parseTimes(time === undefined ? [] : textsOf(time), [days ?? []].flat(), timezone)
}

const textsOf = (texts: Texts): readonly string[] => [texts].flat().map(String)
