import { ProxyError } from '../../base/errors.js'
import { type BuiltInCheck, type CheckedNames, runBuiltInCheck } from './built-in-check.js'
import * as ssl from './library.js'
import { NULL } from './library.js'
import { withBio } from './memory-bio.js'
import type { Owned } from './owned.js'
import type { TrustStore } from './trust-store.js'
import type { Presented } from './verify-path.js'
import { ownStack, ownX509 } from './x509.js'

/**
 * The built-in check of a handshake, for a chain given as bytes.
 * @param sent DER, leaf first, as in a Certificate message
 * @throws {ProxyError} PTC_HANDSHAKE_FAILED when OpenSSL cannot read a certificate, which also ends a handshake
 */
export function checkSentChain(
  trust: Pick<TrustStore, 'handle' | 'memory'>,
  sent: readonly Uint8Array[],
  names: CheckedNames,
): BuiltInCheck {
  return withSentChain(trust, sent, presented => runBuiltInCheck(presented, names, trust.memory))
}

/** Calls `use` with a chain in the form in which SSL passes it. Throws as {@link checkSentChain} does. */
export function withSentChain<T>(
  trust: Pick<TrustStore, 'handle'>,
  sent: readonly Uint8Array[],
  use: (presented: Presented) => T,
): T {
  ssl.ERR_clear_error()
  const certificates: Owned[] = []
  let stack: Owned | undefined
  try {
    for (const der of sent) {
      const handle = withBio(der, bio => ssl.d2i_X509_bio(bio, NULL))
      if (handle === NULL)
        throw new ProxyError('PTC_HANDSHAKE_FAILED', 'OpenSSL cannot read a certificate of the chain')
      certificates.push(ownX509(handle))
    }
    const [leaf] = certificates
    if (leaf === undefined) throw new ProxyError('PTC_HANDSHAKE_FAILED', 'the chain is empty')
    stack = ownStack(certificates.map(({ handle }) => handle))
    return use({ store: trust.handle, leaf: leaf.handle, untrusted: stack.handle })
  } finally {
    stack?.free()
    for (const x509 of certificates) x509.free()
    ssl.ERR_clear_error()
  }
}
