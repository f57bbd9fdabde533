import { ProxyError } from '../../base/errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { Owned } from './owned.js'
import type { Presented } from './verify-path.js'
import { itemsOfStack, ownX509 } from './x509.js'

/** The most certificates of one chain that are looked at. */
const MAX_SENT = 48
const MAX_ANCHORS = 64
const X509_V_OK = 0
const X509_PURPOSE_SSL_SERVER = 2

/** A certificate that may be part of a path. */
export interface PathNode {
  readonly x509: Handle
  /** Whether it is in the trust store. */
  readonly isAnchor: boolean
  /** Whether it names itself as its issuer. */
  readonly isRoot: boolean
  readonly issuers: readonly PathNode[]
  /** The number of certificates between it and the nearest anchor, itself not counted; Infinity without an anchor. */
  readonly distance: number
}

interface Growing extends PathNode {
  issuers: Growing[]
  distance: number
}

/**
 * The graph of possible issuers, among the sent and the trusted certificates. It leaves out certificates that no good path
 * contains: not valid now, no authority for servers, without a name, or self-signed and not trusted.
 *
 * Owns references to the anchors it has found; `free` may be called twice.
 */
export class Issuers {
  readonly leaf: PathNode
  readonly #presented: Presented
  readonly #lookup: Owned
  readonly #sent: readonly Growing[]
  readonly #anchors = new Map<Handle, { readonly node: Growing; readonly owned: Owned }>()

  constructor(presented: Presented) {
    this.#presented = presented
    this.#lookup = new Owned('X509_STORE_CTX', ssl.X509_STORE_CTX_new(), ssl.X509_STORE_CTX_free)
    try {
      const { store, leaf: x509, untrusted } = presented
      if (ssl.X509_STORE_CTX_init(this.#lookup.handle, store, x509, untrusted) !== 1)
        throw new ProxyError('PTC_INTERNAL', 'OpenSSL cannot look into its trust store')
      this.#sent = this.#usable()
      const leaf = nodeOf(presented.leaf, false)
      this.leaf = leaf
      measure(this.#grow(leaf))
    } catch (cause) {
      this.free()
      throw cause
    }
  }

  #usable(): readonly Growing[] {
    const nodes: Growing[] = []
    for (const x509 of itemsOfStack(this.#presented.untrusted).slice(0, MAX_SENT)) {
      const isKnown = x509 === this.#presented.leaf || nodes.some(node => ssl.X509_cmp(node.x509, x509) === 0)
      if (isKnown || ssl.X509_self_signed(x509, 0) === 1 || !this.#mayIssue(x509)) continue
      nodes.push(nodeOf(x509, false))
    }
    return nodes
  }

  /** Decides by name, dates and usages. */
  #mayIssue(x509: Handle): boolean {
    if (ssl.X509_NAME_entry_count(ssl.X509_get_subject_name(x509)) === 0) return false
    const param = ssl.X509_STORE_CTX_get0_param(this.#lookup.handle)
    const [start, end] = [ssl.X509_get0_notBefore(x509), ssl.X509_get0_notAfter(x509)]
    return (
      ssl.X509_cmp_timeframe(param, start, end) === 0 &&
      ssl.X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 1) > 0
    )
  }

  /** Every certificate that can be reached from the leaf. */
  #grow(leaf: Growing): ReadonlySet<Growing> {
    const reached = new Set([leaf])
    // The loop also visits the elements that it adds.
    for (const node of reached) {
      node.issuers = this.#issuersOf(node)
      for (const issuer of node.issuers) reached.add(issuer)
    }
    return reached
  }

  #issuersOf(node: Growing): Growing[] {
    if (node.isAnchor && node.isRoot) return []
    const sent = node.isAnchor ? [] : this.#sent
    return [...this.#trusted(node), ...sent].filter(
      ({ x509 }) => x509 !== node.x509 && ssl.X509_check_issued(x509, node.x509) === X509_V_OK,
    )
  }

  /** Anchors that have the name of the issuer. */
  #trusted({ x509 }: Growing): Growing[] {
    const stack = ssl.X509_STORE_CTX_get1_certs(this.#lookup.handle, ssl.X509_get_issuer_name(x509))
    if (stack === NULL) return []
    const owned = new Owned('STACK_OF(X509)', stack, ssl.OPENSSL_sk_free)
    try {
      return itemsOfStack(stack).flatMap(handle => this.#anchor(ownX509(handle)) ?? [])
    } finally {
      owned.free()
    }
  }

  /** Takes over the reference; the store holds another. */
  #anchor(owned: Owned): Growing | undefined {
    const { handle } = owned
    const known = this.#anchors.get(handle)
    if (known !== undefined || this.#anchors.size >= MAX_ANCHORS || !this.#mayIssue(handle)) {
      owned.free()
      return known?.node
    }
    const node = nodeOf(handle, true)
    this.#anchors.set(handle, { owned, node })
    return node
  }

  free(): void {
    this.#lookup.free()
    for (const { owned } of this.#anchors.values()) owned.free()
  }
}

function nodeOf(x509: Handle, isAnchor: boolean): Growing {
  const isRoot = ssl.X509_NAME_cmp(ssl.X509_get_subject_name(x509), ssl.X509_get_issuer_name(x509)) === 0
  return { x509, isAnchor, isRoot, issuers: [], distance: isAnchor ? 0 : Number.POSITIVE_INFINITY }
}

/** Repeats until nothing changes: as often as the longest of the shortest paths has certificates. */
function measure(nodes: ReadonlySet<Growing>): void {
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false
    for (const node of nodes) {
      const distance = Math.min(node.distance, ...node.issuers.map(issuer => issuer.distance + 1))
      hasChanged ||= distance < node.distance
      node.distance = distance
    }
  }
}
