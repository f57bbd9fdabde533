import { createRequire } from 'node:module'
import type { AuthorityKeyIdentifier, IssuingDistributionPoint } from '@peculiar/asn1-x509'
import { derElement, derElements } from './der.js'

/** An extension of a revocation list. */
export interface CrlExtension {
  readonly oid: string
  readonly isCritical: boolean
  /** DER. */
  readonly value: Buffer
}

/** The fields of a revocation list. Times are milliseconds since the epoch, NaN where they cannot be read. */
export interface CrlFacts {
  /** The issuer's name as X509_NAME_oneline writes it. */
  readonly issuer: string
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  readonly extensions: readonly CrlExtension[]
  /** The digest of its signature, if certificates with this digest are refused. */
  readonly weakDigest: string | undefined
  /** The OIDs of the critical extensions in its entries. */
  readonly criticalInEntries: ReadonlySet<string>
  /** The reasons in its entries (RFC 5280 section 5.3.1). */
  readonly reasons: ReadonlySet<number>
}

/** A list that is complete for its scope. */
export interface UsableCrl {
  /** The key that signed it: authorityKeyIdentifier, hexadecimal. */
  readonly keyId: string | undefined
  /** When it ends, milliseconds since the epoch. */
  readonly endsAt: number
  /** Whether it covers only certificates that name its distribution point. */
  readonly isOfPoint: boolean
  /** A younger list with the same issuer, key and scope replaces the older one. */
  readonly scope: string
}

/** The error of a list, and the remedy. */
export interface UselessCrl {
  readonly wrong: string
}

const DELTA = '2.5.29.27'
const SCOPE = '2.5.29.28'
const KEY = '2.5.29.35'
const CERTIFICATE_ISSUER = '2.5.29.29'
/** The critical extensions that a list may have: those that OpenSSL processes. */
const KNOWN: ReadonlySet<string> = new Set([DELTA, SCOPE, KEY])
const REMOVE_FROM_CRL = 8

/**
 * Decides whether a list can be used.
 *
 * A list is usable if it is complete for a scope that every version of OpenSSL respects: all certificates of its issuer,
 * only leaves, only authorities, or only certificates that name its distribution point. OpenSSL 3.0 treats a delta list as
 * a complete one, and silently ignores other lists. This check reports both when they are loaded.
 */
export function crlKind(facts: CrlFacts, isLeafOnly: boolean, now: number): UsableCrl | UselessCrl {
  const { extensions, thisUpdate, nextUpdate } = facts
  const { weakDigest } = facts
  if (weakDigest !== undefined)
    return { wrong: `it is signed with ${weakDigest}, which can be forged; ask for one signed with SHA-256` }
  const wrong = wrongExtensions(extensions) ?? wrongScope(extensions, isLeafOnly) ?? wrongEntries(facts)
  if (wrong !== undefined) return { wrong }
  if (!(thisUpdate <= now)) return { wrong: `it is not valid before ${dateOf(thisUpdate)}; check the clock` }
  if (nextUpdate === undefined)
    return {
      wrong: 'it does not say when it ends (nextUpdate, RFC 5280 section 5.1.2.5); ask for one that does',
    }
  if (!(nextUpdate > now)) return { wrong: `it ended on ${dateOf(nextUpdate)}; fetch the one in force` }
  const keyId = keyOf(extensions)?.keyIdentifier
  const scope = derOf(extensions, SCOPE)
  return {
    keyId: keyId && Buffer.from(keyId.buffer).toString('hex'),
    endsAt: nextUpdate,
    isOfPoint: scope !== undefined && scopeIn(scope)?.distributionPoint !== undefined,
    scope: scope?.toString('hex') ?? '',
  }
}

function wrongExtensions(extensions: readonly CrlExtension[]): string | undefined {
  const oids = extensions.map(({ oid }) => oid)
  const twice = oids.find((oid, i) => oids.indexOf(oid) !== i)
  if (twice !== undefined) return `its extension ${twice} is there twice; ask for one that follows RFC 5280`
  if (oids.includes(DELTA))
    return 'it is a delta list, which holds only what has changed; name the complete list instead'
  if (oids.includes(KEY) && keyOf(extensions) === undefined)
    return 'the key that signed it (authorityKeyIdentifier) cannot be read; ask for another'
  const unknown = extensions.find(({ oid, isCritical }) => isCritical && !KNOWN.has(oid))
  return unknown && `its critical extension ${unknown.oid} is not understood; ask for a list without it`
}

function wrongScope(extensions: readonly CrlExtension[], isLeafOnly: boolean): string | undefined {
  const value = derOf(extensions, SCOPE)
  if (value === undefined) return undefined
  const scope = scopeIn(value)
  if (scope === undefined) return 'its scope (issuingDistributionPoint) cannot be read; ask for another'
  const { onlyContainsUserCerts, onlyContainsCACerts, onlyContainsAttributeCerts } = scope
  if (scope.indirectCRL)
    return 'it is an indirect list, about certificates of several authorities; name the own list of each'
  if (scope.onlySomeReasons !== undefined)
    return 'it is about some reasons of revocation and not about others; name the list for all reasons'
  if (onlyContainsAttributeCerts)
    return 'it is about attribute certificates, which no origin shows; name the list for certificates'
  if (onlyContainsUserCerts && onlyContainsCACerts)
    return 'its scope contradicts itself (issuingDistributionPoint); ask for another'
  if (onlyContainsCACerts && isLeafOnly)
    return 'it is about authorities, and verify_server_crl_depth LEAF never asks about those; name the list for leaves'
  return undefined
}

function wrongEntries({ criticalInEntries, reasons }: CrlFacts): string | undefined {
  const [critical] = criticalInEntries
  if (criticalInEntries.has(CERTIFICATE_ISSUER))
    return 'its entries name other issuers, as those of an indirect list do; name the own list of each'
  if (critical !== undefined)
    return `the critical extension ${critical} of its entries is not understood; ask for a list without it`
  // OpenSSL treats the certificate of such an entry as not revoked.
  if (reasons.has(REMOVE_FROM_CRL))
    return 'an entry says removeFromCRL, as only those of a delta list may; name the complete list instead'
  return undefined
}

function scopeIn(value: Buffer): IssuingDistributionPoint | undefined {
  return parsed(value, of => of.IssuingDistributionPoint)
}

function keyOf(extensions: readonly CrlExtension[]): AuthorityKeyIdentifier | undefined {
  const value = derOf(extensions, KEY)
  return value && parsed(value, of => of.AuthorityKeyIdentifier)
}

function derOf(extensions: readonly CrlExtension[], wanted: string): Buffer | undefined {
  return extensions.find(({ oid }) => oid === wanted)?.value
}

/**
 * Whether every distribution point of a certificate has a name. For a point without a name OpenSSL uses the list of any
 * point. RFC 5280 section 4.2.1.13 forbids such a point when the authority signs its own lists.
 * @param value cRLDistributionPoints, DER
 */
export function haveNames(value: Buffer): boolean {
  const points = parsed(value, of => of.CRLDistributionPoints)
  return points?.every(({ distributionPoint }) => distributionPoint !== undefined) ?? false
}

const PSS_HASH = 0xa0
const SHA_1 = '1.3.14.3.2.26'

/**
 * The digest in RSASSA-PSS parameters, as an OID; the default is SHA-1 (RFC 4055 section 3.1).
 * @param parameters RSASSA-PSS-params, DER
 */
export function pssDigest(parameters: Buffer): string | undefined {
  try {
    const hash = derElements(derElement(parameters).content).find(({ tag }) => tag === PSS_HASH)
    return hash === undefined ? SHA_1 : parsed(hash.content, of => of.AlgorithmIdentifier)?.algorithm
  } catch {
    return undefined
  }
}

const require = createRequire(import.meta.url)

/** The library is loaded for the first list with a scope or a key identifier: few configurations have lists. */
function parsed<T>(
  value: Buffer,
  schema: (of: typeof import('@peculiar/asn1-x509')) => new () => T,
): T | undefined {
  const { AsnConvert } = require('@peculiar/asn1-schema') as typeof import('@peculiar/asn1-schema')
  const schemas = require('@peculiar/asn1-x509') as typeof import('@peculiar/asn1-x509')
  try {
    return AsnConvert.parse(value, schema(schemas))
  } catch {
    return undefined
  }
}

const dateOf = (time: number): string =>
  Number.isNaN(time) ? 'an unreadable date' : new Date(time).toISOString()
