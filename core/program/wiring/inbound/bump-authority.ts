import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { ProxyError } from '../../../base/errors.js'
import { placed } from '../../../config/record-place.js'
import type { Records } from '../../../config/records-table.js'
import type { MintedLeaf } from '../../../tls/inbound/mint.js'
import { readText } from '../../../tls/judge/trust.js'

/** Who mints what clients are shown. */
export interface BumpAuthority {
  /** The same for the same host, as long as it is remembered. Client networks take turns. */
  readonly leafFor: (host: string, network: string) => Promise<MintedLeaf>
  /** The one that is remembered: nothing is minted. */
  readonly knownLeaf: (host: string, network: string) => MintedLeaf | undefined
  /** Why the key should be better kept. */
  readonly warning: string | undefined
}

const CERT_FILE = 'proxy.config.ssl.bump.CA.cert.filename'
const KEY_FILE = 'proxy.config.ssl.bump.CA.private_key.filename'

/**
 * Opens the operator's authority. The library that mints is loaded only here: proxies that bump nothing do without it.
 * @throws {ProxyError} PTC_TLS_CONTEXT that names the record and the file
 */
export async function openBumpAuthority(records: Records, confDir: string): Promise<BumpAuthority> {
  const certFrom = resolve(confDir, records[CERT_FILE])
  const keyFrom = resolve(confDir, records[KEY_FILE])
  if (!existsSync(certFrom) && !existsSync(keyFrom)) {
    const text = `${placed(records, CERT_FILE)}: ${certFrom} and ${keyFrom} are not there`
    throw new ProxyError('PTC_TLS_CONTEXT', `${text}; \`portcullis ca init\` makes an authority`)
  }
  const files = {
    certPem: readText(certFrom, placed(records, CERT_FILE)),
    keyPem: readText(keyFrom, placed(records, KEY_FILE)),
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
    warning: isOpen
      ? `${placed(records, KEY_FILE)}: every user of this machine may use ${keyFrom}; chmod 600 it`
      : undefined,
  }
}
