import { ProxyError } from '../../base/errors.js'
import { FewAtATime } from '../../base/few-at-a-time.js'
import { lookedUp } from '../../base/lookups.js'
import { SharedCache } from '../../base/shared-cache.js'
import {
  type CertificateRequest,
  generateKeys,
  issueCertificate,
  privateKeyPem,
} from '../issue-certificate.js'
import type { Authority } from './authority.js'

/** A leaf certificate of the operator's authority, and its key. */
export interface MintedLeaf {
  readonly certPem: string
  readonly keyPem: string
}

const HOUR = 3_600_000
/** A stolen leaf ends soon; a client whose clock is a day off is still served. */
const VALID = 72 * HOUR
const BACKDATE = 24 * HOUR
/** The most that a common name may have (RFC 5280, appendix A.1); longer names stand in the SAN alone. */
const MAX_COMMON_NAME = 64

/** Milliseconds until a certificate is begun, and how many may wait for it. */
const LIMITS = { atATime: 1, wait: 30_000, waiting: 1000 }

const tooManyNames = (): ProxyError =>
  new ProxyError(
    'PTC_OVERLOADED',
    `too many certificates are to be minted: no slot in ${LIMITS.wait} ms, or more than ${LIMITS.waiting} waiting`,
  )

/**
 * Mints leaf certificates for the names that clients ask for: the one name and nothing else, a key of its own, a random
 * serial number.
 */
export class Mint<T> {
  readonly #authority: Authority
  readonly #prepare: (leaf: MintedLeaf) => T
  readonly #leaves: SharedCache<string, T>
  /** By network and host: no client waits for what another network has minted. */
  readonly #pending = new Map<string, Promise<T>>()
  readonly #minting = new FewAtATime(LIMITS, tooManyNames)

  /**
   * @param prepare makes of a leaf what is kept: once per leaf, because that costs more than the minting
   * @param maxLeaves how many are kept
   */
  constructor(authority: Authority, prepare: (leaf: MintedLeaf) => T, maxLeaves = 1000) {
    this.#authority = authority
    this.#prepare = prepare
    this.#leaves = new SharedCache({ max: maxLeaves })
  }

  /**
   * @param host a name in ASCII or an address, IPv6 without brackets
   * @param network of the client: no other waits for the many names that one makes up, or loses its leaves to them
   * @throws {ProxyError} PTC_OVERLOADED, PTC_TLS_CONTEXT
   */
  leafFor(host: string, network: string): Promise<T> {
    const known = lookedUp('leaves', this.known(host, network))
    if (known !== undefined) return Promise.resolve(known)
    const question = `${network} ${host}`
    const pending = this.#pending.get(question)
    if (pending !== undefined) return pending
    const made = this.#minting
      .run(network, () => this.#mint(host, network))
      .finally(() => this.#pending.delete(question))
    this.#pending.set(question, made)
    return made
  }

  /** The leaf that is there already: nothing is minted. */
  known(host: string, network: string): T | undefined {
    return this.#leaves.get(host, network)
  }

  async #mint(host: string, network: string): Promise<T> {
    const known = this.known(host, network) // a client of another network may have been served before
    if (known !== undefined) return known
    const made = this.#prepare(await mintLeaf(this.#authority, host))
    // A leaf that lives shorter than others ends with its authority.
    const left = this.#authority.notAfter.getTime() - Date.now()
    this.#leaves.set(host, made, network, Math.max(1, Math.min(VALID / 2, left)))
    return made
  }
}

/** @throws {ProxyError} PTC_TLS_CONTEXT when the authority has expired */
export async function mintLeaf(authority: Authority, host: string): Promise<MintedLeaf> {
  const { certificate, notAfter } = authority
  if (notAfter.getTime() <= Date.now())
    throw new ProxyError(
      'PTC_TLS_CONTEXT',
      `the authority of bump mode expired on ${notAfter.toISOString()}: \`portcullis ca init\` makes another`,
    )
  const keys = await generateKeys()
  const request: CertificateRequest = {
    subject: host.length <= MAX_COMMON_NAME ? [{ CN: [host] }] : undefined,
    notBefore: new Date(Math.max(Date.now() - BACKDATE, certificate.notBefore.getTime())),
    notAfter: new Date(Math.min(Date.now() + VALID, notAfter.getTime())),
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth'],
    names: [host],
  }
  const certPem = await issueCertificate(request, keys.publicKey, authority)
  return { certPem: certPem + authority.chainPem, keyPem: privateKeyPem(keys) }
}
