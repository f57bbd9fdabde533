import { METHODS } from 'node:http'
import { didYouMean } from '../base/nearest.js'
import { AddressSet } from './address-range.js'
import { isThere, type Problem, problemsError, quote, readConfigFile } from './config-file.js'
import type { NamedFile } from './record-place.js'
import { yamlReader } from './yaml-file.js'

/** The logins that a rule is about: where both are there, both must fit. */
export interface IpRuleLogins {
  readonly users: ReadonlySet<string> | undefined
  /** One of the client's groups must be among them. */
  readonly groups: ReadonlySet<string> | undefined
}

/** One rule of ip_allow.yaml. */
export interface IpRule {
  readonly addresses: AddressSet
  /** Undefined: about every client at its addresses, whatever its login. */
  readonly logins: IpRuleLogins | undefined
  readonly action: 'allow' | 'deny'
  /** Undefined for all of them. */
  readonly methods: ReadonlySet<string> | undefined
  /** `ip_allow.yaml:7` */
  readonly where: string
}

/** The clients that may use the proxy. The first rule that matches a client decides; a client without a rule is denied. */
export interface IpAllow {
  readonly rules: readonly IpRule[]
  /** What decides when no rule matches, for messages. */
  readonly where: string
}

interface RawRule {
  readonly apply: 'in'
  readonly ip_addrs: string | readonly string[]
  readonly action: 'allow' | 'deny'
  readonly methods?: string | readonly string[]
  readonly users?: string | readonly string[]
  readonly groups?: string | readonly string[]
}

const WORDS = { type: ['string', 'array'], items: { type: 'string' }, minItems: 1 }
const NAMES = { ...WORDS, minLength: 1, items: { type: 'string', minLength: 1 } }

const readYaml = yamlReader<{ readonly ip_allow: readonly RawRule[] }>(
  {
    type: 'object',
    shape: 'the key ip_allow with a list of rules',
    properties: {
      ip_allow: {
        type: 'array',
        shape: 'a list of rules',
        items: {
          type: 'object',
          properties: {
            apply: { enum: ['in'], shape: 'in (proxy.config.http.deny_private_origins is about origins)' },
            ip_addrs: WORDS,
            action: { enum: ['allow', 'deny'] },
            methods: WORDS,
            users: NAMES,
            groups: NAMES,
          },
          required: ['apply', 'ip_addrs', 'action'],
          additionalProperties: false,
        },
      },
    },
    required: ['ip_allow'],
    additionalProperties: false,
  },
  'PTC_IP_ALLOW_INVALID',
)

/**
 * Reads the file of proxy.config.cache.ip_allow.filename. Without one of the default name only this machine is served.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE or PTC_IP_ALLOW_INVALID
 */
export function loadIpAllow({ path, by, mayBeMissing }: NamedFile): IpAllow {
  if (mayBeMissing && !isThere(path)) return LOOPBACK_ONLY
  return parseIpAllow(readConfigFile(path, by), path)
}

const LOOPBACK_ONLY: IpAllow = {
  rules: [
    {
      addresses: addressSet(['127.0.0.0/8', '::1']).set,
      ...{ logins: undefined, action: 'allow', methods: undefined, where: '' },
    },
  ],
  where: 'there is no ip_allow.yaml, which leaves this machine alone',
}

/**
 * @param file what errors call the text
 * @throws {ProxyError} PTC_IP_ALLOW_INVALID, which names every bad line
 */
export function parseIpAllow(text: string, file: string): IpAllow {
  const { value, where } = readYaml(text, file)
  const problems: Problem[] = []
  const rules = value.ip_allow.map((raw, i): IpRule => {
    const say = (key: string, wrong: readonly string[]): void => {
      for (const what of wrong)
        problems.push({ where: where(['ip_allow', i, key]), what: `ip_allow[${i}].${key}: ${what}` })
    }
    const { set, wrong } = addressSet(asList(raw.ip_addrs))
    say('ip_addrs', wrong)
    const methods = methodSet(asList(raw.methods ?? 'ALL'))
    say('methods', methods.wrong)
    return {
      addresses: set,
      logins: loginsOf(raw),
      action: raw.action,
      methods: methods.set,
      where: where(['ip_allow', i]).replace(/^.*[\\/]/, ''),
    }
  })
  if (problems.length > 0) throw problemsError('PTC_IP_ALLOW_INVALID', problems)
  return { rules, where: `no rule of ${file.replace(/^.*[\\/]/, '')} matches it` }
}

const loginsOf = ({ users, groups }: RawRule): IpRuleLogins | undefined =>
  users === undefined && groups === undefined ? undefined : { users: namesIn(users), groups: namesIn(groups) }

const namesIn = (words: RawRule['users']): ReadonlySet<string> | undefined =>
  words === undefined ? undefined : new Set(asList(words))

const asList = (words: string | readonly string[]): readonly string[] =>
  typeof words === 'string' ? [words] : words

function addressSet(texts: readonly string[]): {
  readonly set: AddressSet
  readonly wrong: readonly string[]
} {
  const set = new AddressSet()
  const wrong = texts.filter(text => !set.add(text))
  return {
    set,
    wrong: wrong.map(
      text => `${quote(text)} is no address, no network such as 10.0.0.0/8, and no range such as ::1-::9`,
    ),
  }
}

/** All that a client can send; and PUSH, which stands in Traffic Server's own file, and here cannot be sent. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([...METHODS, 'PUSH', 'ALL'])

/** Undefined means every method. */
function methodSet(words: readonly string[]): {
  readonly set: ReadonlySet<string> | undefined
  readonly wrong: readonly string[]
} {
  const names = words.flatMap(word => word.split(/[\s,|]+/)).filter(name => name !== '')
  const bad = names.filter(name => !KNOWN_METHODS.has(name.toUpperCase()))
  const isAll = names.some(name => name.toUpperCase() === 'ALL')
  return {
    set: isAll ? undefined : new Set(names.map(name => name.toUpperCase())),
    wrong:
      names.length === 0
        ? ['names no method']
        : bad.map(name => `${quote(name)} is no method${didYouMean(name, KNOWN_METHODS)}`),
  }
}
