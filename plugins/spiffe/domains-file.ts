import { resolve } from 'node:path'
import { yamlReader } from '../files/yaml.js'
import { type HostPattern, parseHostPattern } from '../hosts/host-pattern.js'
import { isTrustDomain, parseIdPattern } from './spiffe-id.js'

/** Which workloads some hosts are. */
export interface HostRule {
  readonly matches: HostPattern
  readonly trustDomain: string
  /** Undefined: every ID of the trust domain. */
  readonly isAllowed: ((id: string) => boolean) | undefined
}

export interface Domains {
  /** The files with the authorities, by trust domain; absolute. */
  readonly bundles: ReadonlyMap<string, string>
  readonly hosts: readonly HostRule[]
}

interface Raw {
  readonly trust_domains: readonly { readonly name: string; readonly bundle: string }[]
  readonly hosts: readonly {
    readonly host: string | readonly string[]
    readonly trust_domain: string
    readonly ids?: readonly string[]
  }[]
}

const TEXT = { type: 'string', minLength: 1 }

const readYaml = yamlReader<Raw>({
  type: 'object',
  properties: {
    trust_domains: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: TEXT, bundle: TEXT },
        required: ['name', 'bundle'],
        additionalProperties: false,
      },
    },
    hosts: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          host: { anyOf: [TEXT, { type: 'array', items: TEXT, minItems: 1 }] },
          trust_domain: TEXT,
          ids: { type: 'array', items: TEXT, minItems: 1 },
        },
        required: ['host', 'trust_domain'],
        additionalProperties: false,
      },
    },
  },
  required: ['trust_domains', 'hosts'],
  additionalProperties: false,
})

/**
 * @param folder where relative paths of bundles begin
 * @throws {Error} that names file, line and mistake
 */
export function parseDomains(text: string, file: string, folder: string): Domains {
  const { value, where } = readYaml(text, file)
  const bundles = new Map<string, string>()
  for (const [i, { name, bundle }] of value.trust_domains.entries()) {
    const at = where('trust_domains', i)
    if (!isTrustDomain(name)) throw new Error(`${at}: "${name}" is no trust domain: write prod.example`)
    if (bundles.has(name)) throw new Error(`${at}: the trust domain ${name} is there twice`)
    bundles.set(name, resolve(folder, bundle))
  }
  const hosts = value.hosts.map(({ host, trust_domain: trustDomain, ids }, i): HostRule => {
    const at = where('hosts', i)
    if (!bundles.has(trustDomain)) throw new Error(`${at}: ${trustDomain} is not among the trust_domains`)
    const foreign = ids?.find(id => !id.startsWith(`spiffe://${trustDomain}/`))
    if (foreign !== undefined) throw new Error(`${at}: ${foreign} is not in the trust domain ${trustDomain}`)
    try {
      const patterns = [host].flat().map(parseHostPattern)
      const allowed = ids?.map(parseIdPattern)
      return {
        matches: name => patterns.some(matches => matches(name)),
        trustDomain,
        isAllowed: allowed && (id => allowed.some(allows => allows(id))),
      }
    } catch (cause) {
      throw new Error(`${at}: ${cause instanceof Error ? cause.message : cause}`)
    }
  })
  return { bundles, hosts }
}
