import { createHash } from 'node:crypto'
import type { CertificatePems } from '../../../api/client-hooks.js'
import { ProxyError } from '../../../base/errors.js'
import { SharedCache } from '../../../base/shared-cache.js'
import { splitPem } from '../../../tls/judge/trust.js'
import { InboundContext } from '../../../tls/openssl/inbound-context.js'
import type { SharedContext } from './client-auth.js'

/** As many as a plugin may show in turn; each knows the authorities of all clients, which takes time to read. */
const MAX_CONTEXTS = 200
/** What errors call it. */
const GIVEN = 'the certificate that a plugin gave'

/**
 * Contexts of certificates that plugins give as PEM, remembered because plugins give the same ones again and again.
 *
 * A context may be freed while a handshake uses it: OpenSSL keeps what the handshake needs. It has to be handed to
 * OpenSSL before the next one is asked for, though, which may push it out.
 */
export class PluginCertificates {
  readonly #shared: SharedContext
  readonly #contexts = new SharedCache<string, InboundContext>({
    max: MAX_CONTEXTS,
    dispose: context => context.free(),
  })

  constructor(shared: SharedContext) {
    this.#shared = shared
  }

  /**
   * @param network of the client that it is shown to
   * @throws {ProxyError} PTC_TLS_CONTEXT
   */
  of({ cert, key }: CertificatePems, network: string): InboundContext {
    const digest = createHash('sha256')
      .update(JSON.stringify([cert, key]))
      .digest('base64')
    const known = this.#contexts.get(digest, network)
    if (known !== undefined) return known
    const certificate = { chain: splitPem(cert, GIVEN), key, from: GIVEN }
    if (certificate.chain.length === 0) throw new ProxyError('PTC_TLS_CONTEXT', 'the PEM has no certificate')
    const context = new InboundContext({ ...this.#shared, certificates: [certificate] })
    this.#contexts.set(digest, context, network)
    return context
  }

  /** Safe to call twice. */
  free(): void {
    this.#contexts.clear()
  }
}
