import { yamlReader } from '../files/yaml.js'
import { type HostPattern, normalize, parseHostPattern } from '../hosts/host-pattern.js'

/** One entry of pins.yaml. */
export interface Pinned {
  readonly matches: HostPattern
  /** SHA-256 of public keys, base64. */
  readonly spki: ReadonlySet<string>
  /** SHA-256 of certificates, 64 lower-case hex digits. */
  readonly sha256: ReadonlySet<string>
  readonly isReportOnly: boolean
  /** `pins.yaml:7`, without the folder. */
  readonly where: string
}

interface RawPin {
  readonly host: string
  readonly spki?: readonly string[]
  readonly sha256?: readonly string[] | string
  readonly report_only?: boolean
}

const HEX = '^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31})$'

const readYaml = yamlReader<{ readonly pins: readonly RawPin[] }>({
  type: 'object',
  properties: {
    pins: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          host: { type: 'string' },
          spki: { type: 'array', items: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' }, minItems: 1 },
          sha256: {
            type: ['string', 'array'],
            pattern: HEX,
            items: { type: 'string', pattern: HEX },
            minItems: 1,
          },
          report_only: { type: 'boolean' },
        },
        required: ['host'],
        additionalProperties: false,
      },
    },
  },
  required: ['pins'],
  additionalProperties: false,
})

/** @throws {Error} that names file, line and mistake */
export function parsePins(text: string, file: string): readonly Pinned[] {
  const { value, where } = readYaml(text, file)
  const seen = new Set<string>()
  return value.pins.map((raw, i): Pinned => {
    const at = where('pins', i)
    const wrong = (what: string): Error => new Error(`${at}: pins[${i}]: ${what}`)
    const { host, spki = [], sha256 = [], report_only: isReportOnly = false } = raw
    if (raw.spki === undefined && raw.sha256 === undefined)
      throw wrong(`${host} has neither spki nor sha256: no certificate could pass`)
    const key = `${nameOf(host, wrong)} ${isReportOnly}`
    if (seen.has(key)) throw wrong(`${host} is there twice: put all its pins into one entry`)
    seen.add(key)
    return {
      matches: parseHostPattern(host),
      spki: new Set(spki),
      sha256: new Set([sha256].flat().map(hex => hex.replaceAll(':', '').toLowerCase())),
      isReportOnly,
      where: at.replace(/^.*[\\/]/, ''),
    }
  })
}

function nameOf(host: string, wrong: (what: string) => Error): string {
  try {
    return normalize(host)
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
}
