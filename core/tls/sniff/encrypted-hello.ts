/**
 * Tells an encrypted ClientHello (ECH, RFC 9849) from GREASE, the imitation that clients send where they have no key of the
 * origin. GREASE is made to look like ECH: the few differences are those that `whyNoGrease` checks.
 */
import { ByteReader } from './record-layer.js'

/** What the ClientHello of a client says of its encrypted part. */
export interface EchTerms {
  /** The server name in plaintext, in the form in which hosts are compared: the outer name. */
  readonly sni: string | undefined
  /** The body of encrypted_client_hello, each byte one character; undefined without one. */
  readonly ech: string | undefined
}

/** The form of a ClientHello in plaintext; the other one is that of the ClientHello inside. */
const OUTER = 0
/** HKDF with SHA-256, SHA-384 and SHA-512; AES-128-GCM, AES-256-GCM and ChaCha20Poly1305 (RFC 9180 section 7). */
const HPKE_IDS: ReadonlySet<number> = new Set([1, 2, 3])
/** Bytes of a public key: X25519, X448, P-256, P-384 and P-521 (RFC 9180 section 7.1). */
const KEY_BYTES: ReadonlySet<number> = new Set([32, 56, 65, 97, 133])
/** The fixed fields of a ClientHello, one cipher suite, a name and a key share, sealed by an AEAD with a tag of 16 bytes. */
const LEAST_PAYLOAD = 96

/**
 * Why a ClientHello is no GREASE; undefined where it may be, or has no such extension.
 *
 * GREASE (RFC 9849 section 6.2) has the form of the real extension, and its outer name is the origin's, which is the host of
 * the CONNECT. The outer name of real ECH is the public name of the server that decrypts it. Real ECH passes as GREASE in two
 * cases: that public name is the host of the CONNECT; or the client writes that host, or no name, as its outer name, and the
 * server does not compare it.
 * @param connect the host of the CONNECT
 */
export function whyNoGrease({ sni, ech }: EchTerms, connect: string): string | undefined {
  if (ech === undefined) return undefined
  if (!hasForm(Buffer.from(ech, 'latin1')))
    return 'its encrypted part has not the form that clients give to GREASE'
  if (sni !== undefined && sni !== connect)
    return `its name in plaintext is ${sni}, and the tunnel is for ${connect}: the encrypted name may be any`
  return undefined
}

function hasForm(extension: Buffer): boolean {
  const reader = new ByteReader(extension)
  const type = reader.number(1)
  const [kdf, aead] = [reader.number(2), reader.number(2)]
  reader.take(1) // the config_id, which is random in GREASE
  const key = reader.vector(2)
  const payload = reader.vector(2)
  if (reader.isBroken || !reader.isAtEnd || type !== OUTER) return false
  const isSuite = HPKE_IDS.has(kdf) && HPKE_IDS.has(aead)
  return isSuite && KEY_BYTES.has(key.length) && payload.length >= LEAST_PAYLOAD
}
