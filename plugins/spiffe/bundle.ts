import type { X509Certificate } from 'node:crypto'
import type { PluginContext } from 'portcullis/plugin'

interface Jwk {
  readonly use?: unknown
  readonly x5c?: unknown
}

/**
 * The authorities of a trust domain: PEM certificates, or a SPIFFE bundle (a JWK set whose keys for `x509-svid` have their
 * certificate in `x5c`).
 * @throws {Error} when there is none, or one that cannot be read
 */
export function parseBundle(
  text: string,
  readCertificates: PluginContext['readCertificates'],
): readonly X509Certificate[] {
  const found = text.trimStart().startsWith('{') ? fromJwks(text, readCertificates) : readCertificates(text)
  if (found.length === 0) throw new Error('the bundle has no authority for x509-svid')
  return found
}

function fromJwks(
  text: string,
  readCertificates: PluginContext['readCertificates'],
): readonly X509Certificate[] {
  const { keys } = JSON.parse(text) as { readonly keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('the bundle is no JWK set: it has no list `keys`')
  return (keys as readonly (Jwk | null)[]).flatMap(key => {
    if (key?.use !== 'x509-svid') return []
    const [first] = Array.isArray(key.x5c) ? (key.x5c as readonly unknown[]) : []
    if (typeof first !== 'string') throw new Error('a key for x509-svid has no x5c')
    return readCertificates(Buffer.from(first, 'base64'))
  })
}
