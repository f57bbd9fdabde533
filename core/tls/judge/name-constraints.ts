import { altNames, extensionValue } from './certificate-parts.js'
import { DER, derElement, derElements, malformed } from './der.js'

const NAME_CONSTRAINTS = Buffer.from([0x55, 0x1d, 0x1e]) // 2.5.29.30
const EXCLUDED = 0xa1
const DNS_NAME = 0x82
/** The same tag for a value in pieces, which BER allows and OpenSSL reads. */
const DNS_NAME_IN_PIECES = 0xa2

/**
 * Whether a wildcard of the leaf includes a name that one of `authorities` excludes: `*.example.com` when
 * `bar.example.com` is excluded. OpenSSL compares the wildcard as a plain name and accepts it.
 * @param authorities DER of the authorities with constraints
 * @param leaf DER
 * @returns true also for certificates that cannot be read
 */
export function excludesSome(authorities: readonly Buffer[], leaf: Buffer): boolean {
  if (authorities.length === 0) return false
  try {
    const parents = new Set(authorities.flatMap(excludedDnsNames).map(parentOf))
    return altNames(leaf).some(
      ({ type, value }) => type === 'dns' && value.startsWith('*.') && parents.has(parentOf(value)),
    )
  } catch {
    return true
  }
}

/** The part after the first label. A constraint that begins with a period has none: it only excludes names below. */
function parentOf(name: string): string {
  return name.startsWith('.') ? name : name.slice(name.indexOf('.') + 1).toLowerCase()
}

function excludedDnsNames(authority: Buffer): readonly string[] {
  const value = extensionValue(authority, NAME_CONSTRAINTS)
  if (value === undefined) return []
  const subtrees = derElements(derElement(value).content).filter(({ tag }) => tag === EXCLUDED)
  return subtrees
    .flatMap(({ content }) => derElements(content))
    .flatMap(({ tag, content }) => (tag === DER.sequence ? derElements(content).slice(0, 1) : []))
    .flatMap(({ tag, content }) => {
      if (tag === DNS_NAME_IN_PIECES) throw malformed()
      return tag === DNS_NAME ? [content.toString('latin1')] : []
    })
}
