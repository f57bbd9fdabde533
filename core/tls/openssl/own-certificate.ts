import { must } from './context.js'
import { contextError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { withBio } from './memory-bio.js'
import { Owned } from './owned.js'
import { ownX509 } from './x509.js'

const SSL_CTRL_CHAIN_CERT = 89

/** A certificate of the proxy, PEM: the leaf with its issuers, and its key; and the sources of both, for errors. */
export interface OwnCertificate {
  readonly chain: readonly string[]
  readonly key: string
  readonly from: string
}

/** @throws {ProxyError} PTC_TLS_CONTEXT */
export function setCertificate(ctx: Handle, { chain, key, from }: OwnCertificate): void {
  for (const [i, pem] of chain.entries()) {
    withX509(pem, `certificate ${i + 1} of ${from}`, x509 => {
      const returned =
        i === 0 ? ssl.SSL_CTX_use_certificate(ctx, x509) : ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_CHAIN_CERT, 1, x509)
      must(returned, `certificate ${i + 1} of ${from}`)
    })
  }
  const parsed = withBio(Buffer.from(key), bio => ssl.PEM_read_bio_PrivateKey(bio, NULL, NULL, ''))
  if (parsed === NULL) throw contextError(`private key for ${from} (an encrypted key is not supported)`)
  const owner = new Owned('EVP_PKEY', parsed, ssl.EVP_PKEY_free)
  try {
    must(ssl.SSL_CTX_use_PrivateKey(ctx, owner.handle), `private key for ${from}`)
    must(ssl.SSL_CTX_check_private_key(ctx), `private key does not belong to ${from}`)
  } finally {
    owner.free()
  }
}

/** Calls `use` with a parsed certificate and frees it afterwards. @throws {ProxyError} PTC_TLS_CONTEXT */
export function withX509(pem: string, what: string, use: (x509: Handle) => void): void {
  const handle = withBio(Buffer.from(pem), bio => ssl.PEM_read_bio_X509(bio, NULL, NULL, ''))
  if (handle === NULL) throw contextError(what)
  const x509 = ownX509(handle)
  try {
    use(x509.handle)
  } finally {
    x509.free()
  }
}
