import { existsSync, statSync } from 'node:fs'
import { ProxyError } from '../../../base/errors.js'
import type { InboundTlsSettings } from '../../../settings/inbound-tls.js'
import type { MintedLeaf } from '../../../tls/inbound/mint.js'
import { readText } from '../../../tls/judge/trust.js'

/** Mints the certificates of bumped connections. */
export interface BumpAuthority {
  /** The same for the same host, as long as it is remembered. Client networks are served in rotation. */
  readonly leafFor: (host: string, network: string) => Promise<MintedLeaf>
  /** The remembered one; nothing is minted. */
  readonly knownLeaf: (host: string, network: string) => MintedLeaf | undefined
  /** Set if users other than the owner may read the key. */
  readonly warning: string | undefined
}

/**
 * Opens the operator's authority. Only this loads the library that mints.
 * @throws {ProxyError} PTC_TLS_CONTEXT that names the record and the file
 */
export async function openBumpAuthority({
  certificate,
  key,
}: InboundTlsSettings['authority']): Promise<BumpAuthority> {
  const { path: certFrom } = certificate
  const { path: keyFrom } = key
  if (!existsSync(certFrom) && !existsSync(keyFrom)) {
    const text = `${certificate.by}: ${certFrom} and ${keyFrom} are not there`
    throw new ProxyError('PTC_TLS_CONTEXT', `${text}; \`portcullis ca init\` makes an authority`)
  }
  const files = {
    certPem: readText(certFrom, certificate.by),
    keyPem: readText(keyFrom, key.by),
  }
  const [{ readAuthority }, { Mint }] = await Promise.all([
    import('../../../tls/inbound/authority.js'),
    import('../../../tls/inbound/mint.js'),
  ])
  const authority = await readAuthority(files, `${certFrom} and ${keyFrom}`)
  const mint = new Mint(authority, leaf => leaf)
  const isOpen = (statSync(keyFrom).mode & 0o007) !== 0
  return {
    leafFor: (host, network) => mint.leafFor(host, network),
    knownLeaf: (host, network) => mint.known(host, network),
    warning: isOpen ? `${key.by}: every user of this machine may use ${keyFrom}; chmod 600 it` : undefined,
  }
}
