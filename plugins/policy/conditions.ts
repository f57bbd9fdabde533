import type { Certificate } from 'portcullis/plugin'
import { alternativeNamesOf } from '../certificates/alternative-names.js'
import { spkiOf } from '../certificates/fingerprints.js'
import { validityOf } from '../certificates/validity.js'
import { readAddresses } from '../hosts/addresses.js'
import { parseHostPattern } from '../hosts/host-pattern.js'
import { durationText, parseComparison, parseDuration, parseNumber } from './comparison.js'
import type { Facts } from './facts.js'
import { parseGlob } from './glob.js'

/** One condition of a rule. */
export interface Condition {
  /** Its key in the file. */
  readonly key: string
  /** What the file says. */
  readonly wanted: string
  /** Undefined: it cannot be known from these facts. */
  readonly holds: (facts: Facts) => boolean | undefined
  /** The certificate shows it, and it cannot be read: a `block` holds then. */
  readonly isUnreadable?: (facts: Facts) => boolean
  /** What the facts have, for people. */
  readonly found: (facts: Facts) => string
}

type Shown = NonNullable<Facts['shown']>

/** Makes a condition of the texts that its key has in the file, of which one must fit. @throws {Error} */
type Make = (texts: readonly string[]) => Omit<Condition, 'key' | 'wanted'>

/** A condition about what the origin has shown. */
const ofShown = (
  holds: (shown: Shown, facts: Facts) => boolean,
  found: (shown: Shown, facts: Facts) => string,
): Pick<Condition, 'holds' | 'found'> => ({
  holds: facts => (facts.shown === undefined ? undefined : holds(facts.shown, facts)),
  found: facts => (facts.shown === undefined ? 'not shown yet' : found(facts.shown, facts)),
})

const ofTexts =
  (texts: (shown: Shown) => readonly string[], ignoresCase = false): Make =>
  wanted => {
    const globs = wanted.map(text => parseGlob(text, ignoresCase))
    return ofShown(
      shown => texts(shown).some(text => globs.some(glob => glob(text))),
      shown => texts(shown).join(', ') || 'none',
    )
  }

const ofDuration =
  (length: (leaf: Certificate, now: number) => number): Make =>
  wanted => {
    const tests = wanted.map(text => parseComparison(text, parseDuration))
    const of = ({ leaf }: Shown, { now }: Facts): number => length(leaf, now.getTime())
    return {
      ...ofShown(
        (shown, facts) => tests.every(test => test(of(shown, facts))),
        (shown, facts) => (Number.isNaN(of(shown, facts)) ? 'unreadable' : durationText(of(shown, facts))),
      ),
      isUnreadable: facts => facts.shown !== undefined && Number.isNaN(of(facts.shown, facts)),
    }
  }

const from = (leaf: Certificate): number => validityOf(leaf).notBefore ?? Number.NaN
const to = (leaf: Certificate): number => validityOf(leaf).notAfter ?? Number.NaN

const EC_BITS: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 }

/** Undefined for a key whose size has no common measure. */
function keyBits({ x509 }: Certificate): number | undefined {
  const { modulusLength, namedCurve = '' } = x509.publicKey.asymmetricKeyDetails ?? {}
  return modulusLength ?? EC_BITS[namedCurve]
}

/**
 * Every condition by its key, cheap ones first. Those about the client are last: they are looked at only when all others
 * hold.
 */
export const CONDITIONS: Readonly<Record<string, Make>> = {
  host: texts => {
    const patterns = texts.map(parseHostPattern)
    return { holds: ({ host }) => patterns.some(matches => matches(host)), found: ({ host }) => host }
  },
  port: texts => {
    const ports = texts.map(parseNumber)
    return {
      holds: ({ port }) => ports.includes(port),
      found: ({ port }) => `${port}`,
    }
  },
  issuer: ofTexts(({ path }) => path.map(({ issuer }) => issuer)),
  subject: ofTexts(({ leaf }) => [leaf.subject]),
  san: ofTexts(({ leaf }) => {
    const { dns, ip, uri } = alternativeNamesOf(leaf)
    return [...dns, ...ip, ...uri]
  }, true),
  country: ofTexts(
    ({ path }) =>
      path.flatMap(({ issuer }) => [...issuer.matchAll(/\/C=([A-Za-z]{2})(?=\/|$)/g)].map(([, c = '']) => c)),
    true,
  ),
  spki: ofTexts(({ path }) => path.map(spkiOf)),
  key: ofTexts(({ leaf }) => [leaf.x509.publicKey.asymmetricKeyType ?? 'unknown'], true),
  key_bits: wanted => {
    const tests = wanted.map(text => parseComparison(text, parseNumber))
    return {
      ...ofShown(
        ({ leaf }) => {
          const bits = keyBits(leaf)
          return bits !== undefined && tests.every(test => test(bits))
        },
        ({ leaf }) => `${keyBits(leaf) ?? 'unknown'}`,
      ),
      isUnreadable: ({ shown }) => shown !== undefined && keyBits(shown.leaf) === undefined,
    }
  },
  validity: ofDuration(leaf => to(leaf) - from(leaf)),
  age: ofDuration((leaf, now) => now - from(leaf)),
  remaining: ofDuration((leaf, now) => to(leaf) - now),
  client: texts => {
    const isListed = readAddresses(texts)
    return {
      holds: ({ client }) => {
        const { address } = client() ?? {}
        return address === undefined ? undefined : isListed(address)
      },
      found: ({ client }) => client()?.address ?? 'not known',
    }
  },
  user: texts => {
    const globs = texts.map(text => parseGlob(text))
    return {
      holds: ({ client }) => {
        const asking = client()
        const { user } = asking ?? {}
        return asking === undefined ? undefined : user !== undefined && globs.some(glob => glob(user))
      },
      found: ({ client }) => {
        const asking = client()
        return asking === undefined ? 'not known' : (asking.user ?? 'no login')
      },
    }
  },
  group: texts => {
    const globs = texts.map(text => parseGlob(text))
    return {
      holds: ({ client }) => client()?.groups.some(group => globs.some(glob => glob(group))),
      found: ({ client }) => {
        const asking = client()
        return asking === undefined ? 'not known' : asking.groups.join(', ') || 'none'
      },
    }
  },
}

/** Keys of conditions that say which handshakes a `require` is for. The others are what it demands. */
export const SELECTING: ReadonlySet<string> = new Set(['host', 'port', 'time', 'client', 'user', 'group'])
