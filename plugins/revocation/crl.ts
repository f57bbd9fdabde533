import { AsnConvert } from '@peculiar/asn1-schema'
import { Extensions, IssuingDistributionPoint } from '@peculiar/asn1-x509'
import { bitsOf, DerCursor, TAG, takeTime } from './der-cursor.js'
import { NoAnswer } from './no-answer.js'
import { type Entry, indexEntries, type SerialIndex } from './serial-index.js'
import { algorithmIn, demandSignature, type Signed } from './signature.js'
import type { Issuer, Subject } from './subject.js'

const DELTA = '2.5.29.27'
const SCOPE = '2.5.29.28'
const KEY = '2.5.29.35'

/** What a list is about (RFC 5280 section 5.2.5). */
interface Scope {
  /** GeneralNames of its distribution point, DER, hexadecimal; undefined: of no single one. */
  readonly names: readonly string[] | undefined
  readonly isForLeaves: boolean
  readonly isForAuthorities: boolean
}

/** A complete list of one issuer, whose signature has been checked. Times are milliseconds since the epoch. */
export interface RevocationList {
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly scope: Scope
  readonly index: SerialIndex
  /** Bytes that it holds in memory. */
  readonly size: number
}

interface Head extends Signed {
  readonly issuer: Buffer
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  /** Where the entries are. */
  readonly from: number
  readonly to: number
  readonly extensions: Buffer | undefined
}

/**
 * Reads a list, and checks all of it but its times. The bytes belong to the list from then on.
 * @throws {NoAnswer} for what is not a complete list of this issuer
 */
export async function openList(bytes: Buffer, issuer: Issuer): Promise<RevocationList> {
  const head = readHead(bytes)
  if (!head.issuer.equals(issuer.rawSubject)) throw new NoAnswer('it is the list of another authority')
  const { keyUsage } = issuer
  if (keyUsage !== undefined && !keyUsage.includes('crlSign'))
    throw new NoAnswer('the issuer may not sign lists (keyUsage)')
  const { thisUpdate, nextUpdate, extensions, from, to } = head
  if (nextUpdate === undefined) throw new NoAnswer('it does not say when it ends')
  const scope = extensions === undefined ? ALL : scopeIn(extensions)
  // Before anything is done for each entry: a forged list costs no more than its bytes.
  await demandSignature(head, issuer.key)
  const index = await indexEntries(bytes, from, to)
  return { thisUpdate, nextUpdate, scope, index, size: bytes.length + index.size + 1000 }
}

/**
 * The entry of a certificate.
 * @param names those of the distribution point in the certificate under which the list was found, GeneralNames, DER
 * @returns undefined: it is not on the list
 * @throws {NoAnswer} for a list that is not about this certificate
 */
export function lookUp(
  { scope, index }: RevocationList,
  subject: Subject,
  names: readonly Buffer[],
): Entry | undefined {
  const { isCa, serial } = subject
  if (scope.isForLeaves && isCa) throw new NoAnswer('it is about leaves, and this is an authority')
  if (scope.isForAuthorities && !isCa) throw new NoAnswer('it is about authorities, and this is a leaf')
  if (scope.names !== undefined && !names.some(name => scope.names?.includes(name.toString('hex'))))
    throw new NoAnswer('it is the list of another distribution point')
  return index.find(serial)
}

const ALL: Scope = { names: undefined, isForLeaves: false, isForAuthorities: false }

function readHead(bytes: Buffer): Head {
  const whole = new DerCursor(bytes)
  const list = whole.take(TAG.sequence).inside()
  whole.finish()
  list.take(TAG.sequence)
  const tbs = list.element
  const fields = list.inside()
  const algorithm = list.take(TAG.sequence).element
  const signature = bitsOf(list.take(TAG.bitString))
  list.finish()
  if (fields.sees(TAG.integer)) fields.take(TAG.integer)
  if (!fields.take(TAG.sequence).element.equals(algorithm))
    throw new NoAnswer('it names two algorithms for its signature')
  const issuer = fields.take(TAG.sequence).element
  const thisUpdate = takeTime(fields)
  const hasEnd = fields.sees(TAG.utcTime) || fields.sees(TAG.generalizedTime)
  const nextUpdate = hasEnd ? takeTime(fields) : undefined
  const { start: from, end: to } = fields.sees(TAG.sequence) ? fields.take(TAG.sequence) : NO_ENTRIES
  const extensions = fields.sees(TAG.context0) ? fields.take(TAG.context0).content : undefined
  fields.finish()
  return {
    algorithm: algorithmIn(algorithm),
    tbs,
    signature,
    issuer,
    thisUpdate,
    nextUpdate,
    from,
    to,
    extensions,
  }
}

const NO_ENTRIES = { start: 0, end: 0 }

function scopeIn(der: Buffer): Scope {
  const extensions = parse(der, Extensions)
  const oids = extensions.map(({ extnID }) => extnID)
  if (new Set(oids).size !== oids.length) throw new NoAnswer('one of its extensions is there twice')
  if (oids.includes(DELTA)) throw new NoAnswer('it is a delta list')
  const unknown = extensions.find(({ extnID, critical }) => critical && extnID !== SCOPE && extnID !== KEY)
  if (unknown !== undefined) throw new NoAnswer(`its critical extension ${unknown.extnID} is not understood`)
  const scope = extensions.find(({ extnID }) => extnID === SCOPE)
  return scope === undefined ? ALL : readScope(Buffer.from(scope.extnValue.buffer))
}

function readScope(der: Buffer): Scope {
  const scope = parse(der, IssuingDistributionPoint)
  if (scope.indirectCRL) throw new NoAnswer('it is an indirect list')
  if (scope.onlySomeReasons !== undefined) throw new NoAnswer('it is about some reasons of revocation only')
  if (scope.onlyContainsAttributeCerts) throw new NoAnswer('it is about attribute certificates')
  const { distributionPoint, onlyContainsUserCerts, onlyContainsCACerts } = scope
  return {
    // One that is relative to the issuer's name has none, and fits no certificate.
    names: distributionPoint && (distributionPoint.fullName ?? []).map(name => hexOf(name)),
    isForLeaves: onlyContainsUserCerts === true,
    isForAuthorities: onlyContainsCACerts === true,
  }
}

const hexOf = (value: object): string => Buffer.from(AsnConvert.serialize(value)).toString('hex')

function parse<T>(der: Buffer, schema: new () => T): T {
  try {
    return AsnConvert.parse(der, schema)
  } catch {
    throw new NoAnswer('one of its extensions cannot be read')
  }
}
