import { yamlReader } from '../files/yaml.js'
import { type HostPattern, parseHostPattern } from '../hosts/host-pattern.js'
import { SecretValue } from './secret-value.js'

export type Where = 'header' | 'query' | 'basic'

/** One entry of secrets.yaml. */
export interface Secret {
  readonly name: string
  readonly placeholder: string
  readonly value: SecretValue
  /** The hosts that may get it, as they are written. */
  readonly hosts: readonly string[]
  readonly isFor: HostPattern
  /** SHA-256 of public keys, base64; empty: an origin that has passed the built-in check. */
  readonly spki: ReadonlySet<string>
  readonly where: Where
  /** For `in: header`: the names that may carry it, in lower case; undefined: those that hold credentials. */
  readonly fields: ReadonlySet<string> | undefined
  /** Whether the placeholder in the body of a request refuses it. */
  readonly looksAtBodies: boolean
}

interface RawSecret {
  readonly name: string
  readonly placeholder: string
  readonly env?: string
  readonly file?: string
  readonly host: string | readonly string[]
  readonly spki?: string | readonly string[]
  readonly in?: Where
  readonly field?: string | readonly string[]
  readonly body?: 'pass' | 'reject'
}

const PIN = '^[A-Za-z0-9+/]{43}=$'
const FIELD = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
const oneOrMore = (pattern?: string): object => {
  const text = pattern === undefined ? {} : { pattern }
  return { type: ['string', 'array'], ...text, items: { type: 'string', ...text }, minItems: 1 }
}

const readYaml = yamlReader<{ readonly secrets: readonly RawSecret[] }>({
  type: 'object',
  properties: {
    secrets: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,64}$' },
          placeholder: { type: 'string', pattern: '^[A-Za-z0-9_.-]{8,128}$' },
          env: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
          file: { type: 'string', minLength: 1 },
          host: oneOrMore(),
          spki: oneOrMore(PIN),
          in: { enum: ['header', 'query', 'basic'] },
          field: oneOrMore(FIELD),
          body: { enum: ['pass', 'reject'] },
        },
        required: ['name', 'placeholder', 'host'],
        additionalProperties: false,
      },
    },
  },
  required: ['secrets'],
  additionalProperties: false,
})

/** @throws {Error} that names file, line, mistake and remedy, and no value */
export function parseSecrets(text: string, file: string, confDir: string): readonly Secret[] {
  const { value, where } = readYaml(text, file)
  const secrets: Secret[] = []
  for (const [i, raw] of value.secrets.entries()) {
    const wrong = (what: string): Error =>
      new Error(`${where('secrets', i)}: secrets[${i}] (${raw.name}): ${what}`)
    const secret = toSecret(raw, confDir, wrong)
    for (const other of secrets) {
      if (other.name === secret.name) throw wrong('the name is there twice')
      const [one, two] = [other.placeholder.toLowerCase(), secret.placeholder.toLowerCase()]
      if (one.includes(two) || two.includes(one))
        throw wrong(`its placeholder and that of ${other.name} cannot be told apart: make both random`)
    }
    secrets.push(secret)
  }
  return secrets
}

function toSecret(raw: RawSecret, confDir: string, wrong: (what: string) => Error): Secret {
  const { name, placeholder, env, file, spki = [], in: place = 'header', field, body = 'pass' } = raw
  if ((env === undefined) === (file === undefined)) throw wrong('it takes either env or file')
  if (field !== undefined && place !== 'header') throw wrong('field belongs to in: header')
  const value = new SecretValue(env === undefined ? { file: file ?? '' } : { env }, confDir)
  if (value.failure !== undefined) throw wrong(value.failure)
  if (value.known().some(known => known.toLowerCase().includes(placeholder.toLowerCase())))
    throw wrong('the secret has its placeholder in it: choose another placeholder')
  const hosts = [raw.host].flat()
  return {
    name,
    placeholder,
    value,
    hosts,
    isFor: anyOf(hosts, wrong),
    spki: new Set([spki].flat()),
    where: place,
    fields: field === undefined ? undefined : new Set([field].flat().map(one => one.toLowerCase())),
    looksAtBodies: body === 'reject',
  }
}

function anyOf(hosts: readonly string[], wrong: (what: string) => Error): HostPattern {
  try {
    const patterns = hosts.map(parseHostPattern)
    return host => patterns.some(matches => matches(host))
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}
