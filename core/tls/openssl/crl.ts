import { ProxyError } from '../../base/errors.js'
import { type CrlFacts, crlKind, haveNames, type UsableCrl } from '../judge/crl-kind.js'
import { bytesOf, factsOf } from './crl-facts.js'
import * as crls from './crl-library.js'
import { type CheckOutcome, takeError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { withBio } from './memory-bio.js'
import { Owned } from './owned.js'

const X509_V_FLAG_CRL_CHECK = 0x4
const X509_V_FLAG_CRL_CHECK_ALL = 0x8

/** Revocation lists of one file. */
export interface Crls {
  readonly pem: string
  readonly from: string
  /** True: only the leaf is looked up. False: every authority of a chain must have a list. */
  readonly isLeafOnly: boolean
}

/** A list as text, with its place in the file. */
interface ListText {
  readonly text: string
  /** `revocation list 2 of crl.pem, line 14`. */
  readonly place: string
}

interface List extends ListText, UsableCrl {
  readonly crl: Owned
  readonly facts: CrlFacts
}

/**
 * Adds revocation lists to a store. A certificate then fails when its issuer has no list, and when it is on the list.
 *
 * Every list is checked first. One list that is not complete for its scope, not in force, or not signed by the trust anchor
 * it names makes all of them fail. The list of an authority that is no anchor is checked with the first chain that
 * contains its certificate. Of two lists with the same issuer, key and scope, the younger one is used.
 * @param anchors the certificates that the store trusts
 * @param now when the lists must be in force, milliseconds since the epoch
 * @returns when the first list ends, milliseconds since the epoch
 * @throws {ProxyError} PTC_CRL_UNUSABLE that names the list, its place in the file, and the remedy
 */
export function addCrls(
  store: Handle,
  { pem, from, isLeafOnly }: Crls,
  anchors: readonly Handle[],
  now: number,
): number {
  const read: List[] = []
  try {
    for (const text of splitLists(pem, from)) read.push(readList(text, isLeafOnly, now))
    for (const list of read) refuseForeign(list, anchors)
    const asked = youngest(read)
    for (const { crl, facts, place } of asked)
      if (crls.X509_STORE_add_crl(store, crl.handle) !== 1) throw unusable(place, facts, reasonOf())
    if (asked.some(({ isOfPoint }) => isOfPoint)) askPoints(store, isLeafOnly)
    ssl.X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | (isLeafOnly ? 0 : X509_V_FLAG_CRL_CHECK_ALL))
    const end = Math.min(...asked.map(({ endsAt }) => endsAt))
    crls.X509_STORE_set_ex_data(store, endIndex, Math.floor(end / 1000))
    return end
  } finally {
    for (const { crl } of read) crl.free()
  }
}

const LABEL = 'X509 CRL-----'
const PEM_CRL = /-----BEGIN X509 CRL-----[\s\S]+?-----END X509 CRL-----/g

function splitLists(pem: string, from: string): readonly ListText[] {
  const lists = [...pem.matchAll(PEM_CRL)].map(({ 0: text, index }, i) => {
    const line = pem.slice(0, index).split('\n').length
    return { text, place: `revocation list ${i + 1} of ${from}, line ${line}` }
  })
  if (lists.length === 0)
    throw refused(
      `no PEM revocation list in ${from}; one in DER becomes PEM with \`openssl crl -inform DER\``,
    )
  // A truncated list includes the next one, or is not found at all.
  if (pem.split(`-----BEGIN ${LABEL}`).length !== lists.length + 1)
    throw refused(`a revocation list of ${from} has no line -----END ${LABEL}; fetch the file again`)
  return lists
}

function readList(at: ListText, isLeafOnly: boolean, now: number): List {
  const parsed = withBio(Buffer.from(at.text), bio => crls.PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))
  if (parsed === NULL) throw refused(`${at.place}: ${reasonOf()}; fetch the list again`)
  const crl = new Owned('X509_CRL', parsed, crls.X509_CRL_free)
  try {
    const facts = factsOf(crl.handle)
    const kind = crlKind(facts, isLeafOnly, now)
    if ('wrong' in kind) throw unusable(at.place, facts, kind.wrong)
    return { ...at, ...kind, crl, facts }
  } catch (cause) {
    crl.free()
    throw cause
  }
}

/** Refuses a list with an anchor's name and another key. Authorities that are no anchors are not known yet. */
function refuseForeign({ crl, facts, keyId, place }: List, anchors: readonly Handle[]): void {
  const issuer = crls.X509_CRL_get_issuer(crl.handle)
  const named = anchors.filter(anchor => {
    if (ssl.X509_NAME_cmp(ssl.X509_get_subject_name(anchor), issuer) !== 0) return false
    const anchorKey = crls.X509_get0_subject_key_id(anchor)
    return keyId === undefined || anchorKey === NULL || bytesOf(anchorKey).toString('hex') === keyId
  })
  if (named.length === 0 || named.some(anchor => isSignedBy(crl.handle, anchor))) return
  throw unusable(
    place,
    facts,
    'it is not signed with the key of the trust anchor of that name; fetch it again',
  )
}

function isSignedBy(crl: Handle, anchor: Handle): boolean {
  const key = ssl.X509_get0_pubkey(anchor)
  const is = key !== NULL && crls.X509_CRL_verify(crl, key) === 1
  ssl.ERR_clear_error()
  return is
}

function youngest(lists: readonly List[]): readonly List[] {
  const found = new Map<string, List>()
  for (const list of lists) {
    const key = JSON.stringify([list.facts.issuer, list.keyId, list.scope])
    const other = found.get(key)
    const isOlder = other !== undefined && list.facts.thisUpdate < other.facts.thisUpdate
    if (other?.facts.thisUpdate === list.facts.thisUpdate && bare(other.text) !== bare(list.text))
      throw unusable(list.place, list.facts, `${other.place} is of the same moment and differs; remove one`)
    if (!isOlder) found.set(key, list)
  }
  return [...found.values()]
}

const bare = (pem: string): string => pem.replace(/\s/g, '')

const reasonOf = (): string => takeError()?.reason ?? 'refused by OpenSSL'

const refused = (message: string): ProxyError => new ProxyError('PTC_CRL_UNUSABLE', message)

function unusable(place: string, { issuer }: CrlFacts, wrong: string): ProxyError {
  return refused(`${place}, of ${issuer}: ${wrong}`)
}

const CRYPTO_EX_INDEX_X509_STORE = 4
const NID_CRL_DISTRIBUTION_POINTS = 103
const X509_V_ERR_DIFFERENT_CRL_SCOPE = 44

/** Which certificates of a chain are looked up in the lists of a store. */
const ASKED = { none: 0, leaf: 1, all: 2 } as const

/** The index of this value in a store: the native object carries it, so every path is verified with it. */
const index = crls.CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, NULL, NULL, NULL, NULL)

/** The same for the end of the first list, in seconds since 1970. */
const endIndex = crls.CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, NULL, NULL, NULL, NULL)

/** When the first revocation list of a store ends, in milliseconds since 1970; Infinity where it has none. */
export function listsEnd(store: Handle): number {
  return crls.X509_STORE_get_ex_data(store, endIndex) * 1000 || Number.POSITIVE_INFINITY
}

/** Marks a store whose lists are for single distribution points. */
function askPoints(store: Handle, isLeafOnly: boolean): void {
  crls.X509_STORE_set_ex_data(store, index, isLeafOnly ? ASKED.leaf : ASKED.all)
}

/**
 * The first certificate of a good chain that OpenSSL may have looked up in the list of another distribution point.
 * @param chain X509, leaf first
 */
export function wrongPoint(store: Handle, chain: readonly Handle[]): CheckOutcome | undefined {
  const asked = crls.X509_STORE_get_ex_data(store, index)
  if (asked === ASKED.none) return undefined
  const depth = (asked === ASKED.leaf ? chain.slice(0, 1) : chain).findIndex(x509 => !isOfNamedPoints(x509))
  return depth < 0 ? undefined : { code: X509_V_ERR_DIFFERENT_CRL_SCOPE, depth }
}

function isOfNamedPoints(x509: Handle): boolean {
  const at = ssl.X509_get_ext_by_NID(x509, NID_CRL_DISTRIBUTION_POINTS, -1)
  return at < 0 || haveNames(bytesOf(crls.X509_EXTENSION_get_data(crls.X509_get_ext(x509, at))))
}
