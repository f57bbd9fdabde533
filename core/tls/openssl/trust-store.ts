import { createHash } from 'node:crypto'
import { ChainMemory } from './chain-memory.js'
import { addCrls, type Crls } from './crl.js'
import { contextError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { withBio } from './memory-bio.js'
import { Owned } from './owned.js'
import { ownX509 } from './x509.js'

const X509_V_FLAG_X509_STRICT = 0x20

/** The trust that chains are checked against. Texts are PEM. */
export interface Trust {
  /** Trust anchors, one certificate each. */
  readonly anchors: readonly string[]
  /** Revocation lists for the built-in check. */
  readonly crls?: Crls
  /** Whether certificates must satisfy rules of RFC 5280 that OpenSSL does not enforce by default (X509_V_FLAG_X509_STRICT). */
  readonly isStrict?: boolean
  /** Milliseconds since the epoch at which chains are judged, for tests with chains of other times; default: now. */
  readonly at?: number
}

/** An X509_STORE, and its owner. A context that uses it holds a reference of its own. */
export class TrustStore {
  readonly #store: Owned
  /** Chains that were found good under these trust anchors. */
  readonly memory: ChainMemory
  /** When the first revocation list ends, milliseconds since the epoch; undefined without lists. */
  readonly endsAt: number | undefined

  /** @throws {ProxyError} PTC_TLS_CONTEXT, PTC_CRL_UNUSABLE; both name the text that is not accepted */
  constructor({ anchors, crls, isStrict, at }: Trust) {
    ssl.ERR_clear_error()
    this.#store = new Owned('X509_STORE', ssl.X509_STORE_new(), ssl.X509_STORE_free)
    const trusted: Owned[] = []
    try {
      if (isStrict === true) ssl.X509_STORE_set_flags(this.#store.handle, X509_V_FLAG_X509_STRICT)
      if (at !== undefined) {
        const param = ssl.X509_STORE_get0_param(this.#store.handle)
        ssl.X509_VERIFY_PARAM_set_time(param, Math.floor(at / 1000))
      }
      for (const [i, pem] of anchors.entries()) trusted.push(this.#add(pem, `trust anchor ${i + 1}`))
      const handles = trusted.map(({ handle }) => handle)
      const clock = at === undefined ? Date.now : () => at
      this.endsAt = crls && addCrls(this.#store.handle, crls, handles, clock())
      this.memory = new ChainMemory(clock, this.endsAt)
    } catch (cause) {
      this.free()
      throw cause
    } finally {
      for (const x509 of trusted) x509.free()
    }
  }

  #add(pem: string, what: string): Owned {
    const handle = withBio(Buffer.from(pem), bio => ssl.PEM_read_bio_X509(bio, NULL, NULL, ''))
    if (handle === NULL) throw contextError(what)
    const x509 = ownX509(handle)
    if (ssl.X509_STORE_add_cert(this.#store.handle, x509.handle) === 1) return x509
    x509.free()
    throw contextError(what)
  }

  /** For contexts only. */
  get handle(): Handle {
    return this.#store.handle
  }

  /** Safe to call twice. */
  free(): void {
    this.#store.free()
  }
}

/**
 * Stores by content: a bundle that a thousand rules trust is parsed once.
 *
 * Life: filling -> freed.
 */
export class TrustStores {
  readonly #stores = new Map<string, TrustStore>()
  /** Digests by identity of the list: the same array of texts is hashed once. */
  readonly #digests = new Map<readonly string[] | string, string>()

  /** Throws as the constructor of {@link TrustStore} does. */
  of(trust: Trust): TrustStore {
    const digest = this.digestOf(trust)
    const known = this.#stores.get(digest)
    if (known !== undefined) return known
    const made = new TrustStore(trust)
    this.#stores.set(digest, made)
    return made
  }

  /** A key that differs for any two with different certificates or lists. */
  digestOf({ anchors, crls, isStrict = false, at }: Trust): string {
    const lists = crls === undefined ? [] : [this.#hash(crls.pem), crls.isLeafOnly]
    return JSON.stringify([this.#hash(anchors), isStrict, at ?? null, ...lists])
  }

  #hash(content: readonly string[] | string): string {
    const known = this.#digests.get(content)
    if (known !== undefined) return known
    const made = createHash('sha256').update(JSON.stringify(content)).digest('base64url')
    this.#digests.set(content, made)
    return made
  }

  /** Safe to call twice. */
  free(): void {
    for (const store of this.#stores.values()) store.free()
    this.#stores.clear()
    this.#digests.clear()
  }
}
