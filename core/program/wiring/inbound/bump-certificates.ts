import type { CertificatePems } from '../../../api/client-hooks.js'
import { SharedCache } from '../../../base/shared-cache.js'
import type { MintedLeaf } from '../../../tls/inbound/mint.js'
import { splitPem } from '../../../tls/judge/trust.js'
import { InboundContext } from '../../../tls/openssl/inbound-context.js'
import { clientTrustOf, type SharedContext, sessionsOf } from './client-auth.js'
import { PluginCertificates } from './plugin-certificates.js'

/** Contexts that are kept: to make one costs more than to mint its certificate. */
const MAX_CONTEXTS = 1000
/** What errors call it. */
const MINTED = 'what the authority has minted'

/**
 * What clients inside bumped connections are shown, until the next reload.
 *
 * A context may be freed while a handshake uses it: OpenSSL keeps what the handshake needs. It has to be asked for and
 * handed to OpenSSL without anything between, though, because the next one that is asked for may push it out.
 */
export class BumpCertificates {
  /** The context before the name is known: it has no certificate. */
  readonly base: InboundContext
  readonly #shared: SharedContext
  readonly #given: PluginCertificates
  readonly #contexts = new SharedCache<MintedLeaf, InboundContext>({
    max: MAX_CONTEXTS,
    dispose: context => context.free(),
  })

  /** @throws {ProxyError} PTC_TLS_CONTEXT */
  constructor(shared: SharedContext) {
    this.#shared = shared
    this.#given = new PluginCertificates(shared)
    this.base = new InboundContext({ ...shared, certificates: [] })
  }

  /** @throws {ProxyError} PTC_TLS_CONTEXT when the authority's own certificate is too weak */
  of(leaf: MintedLeaf, network: string): InboundContext {
    const known = this.#contexts.get(leaf, network)
    if (known !== undefined) return known
    const certificate = {
      chain: splitPem(leaf.certPem, MINTED),
      key: leaf.keyPem,
      from: MINTED,
    }
    const context = new InboundContext({ ...this.#shared, certificates: [certificate] })
    this.#contexts.set(leaf, context, network)
    return context
  }

  /** @throws {ProxyError} PTC_TLS_CONTEXT */
  makeContext(pems: CertificatePems, network: string): InboundContext {
    return this.#given.of(pems, network)
  }

  /** Sessions are for one origin: a name and a port. */
  sessionsFor(host: string, port: number): Buffer {
    return sessionsOf(this.#shared, [host, port])
  }

  /** As that of `ssl` ports. */
  get clientTrust(): string | undefined {
    return clientTrustOf(this.#shared)
  }

  /** Frees the contexts. No handshake may begin with them afterwards. Safe to call twice. */
  free(): void {
    this.#contexts.clear()
    this.#given.free()
    this.base.free()
  }
}
