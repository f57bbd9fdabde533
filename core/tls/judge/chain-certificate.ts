import { createHash, type X509Certificate } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Certificate, certificateJson, type PeerEvidence } from '../../api/certificate.js'
import { accessor } from '../../base/accessor.js'
import { toPem } from '../../base/pem.js'
import { readX509 } from '../../base/x509.js'
import { onelineNames } from '../openssl/x509.js'

/** Parsed certificates are shared between handshakes: most chains have been seen before. */
const REMEMBERED_BYTES = 8_000_000
/** No certificate in use is larger; a larger one is parsed again each time. */
const MAX_DER_BYTES = 16_384
/** Bytes of an object beside its key: DER, Node's view. */
const OVERHEAD = 4096
const seen = new LRUCache<string, ChainCertificate>({
  maxSize: REMEMBERED_BYTES,
  sizeCalculation: (_value, key) => 2 * key.length + OVERHEAD,
})

/**
 * When the first certificate of an origin expires, of those it sent and those of the verified path, in milliseconds since
 * 1970; NaN if one cannot be read.
 */
export function chainEnds({ chain, builtChain }: Pick<PeerEvidence, 'chain' | 'builtChain'>): number {
  return Math.min(...[...chain, ...builtChain].map(({ x509 }) => Date.parse(x509.validTo)))
}

/** The certificate with this DER; the same object for the same bytes. */
export function certificateOf(der: Buffer): Certificate {
  if (der.length > MAX_DER_BYTES) return new ChainCertificate(der)
  const key = der.toString('latin1')
  const known = seen.get(key)
  if (known !== undefined) return known
  const made = new ChainCertificate(der)
  seen.set(key, made)
  return made
}

/**
 * Parses a field at its first use: most plugins read one field only. Its values must not be changed. Its fields are own,
 * enumerable properties, so that a copy has them.
 */
class ChainCertificate implements Certificate {
  declare readonly der: Buffer
  declare readonly subject: string
  declare readonly issuer: string
  declare readonly sha256: string
  declare readonly x509: X509Certificate
  declare readonly pem: string
  readonly #der: Buffer
  #names: { readonly subject: string; readonly issuer: string } | undefined
  #sha256: string | undefined
  #pem: string | undefined

  static readonly #fields: PropertyDescriptorMap = {
    // A copy: other handshakes see the same object.
    der: accessor((of: ChainCertificate) => Buffer.from(of.#der)),
    subject: accessor((of: ChainCertificate) => of.#bothNames().subject),
    issuer: accessor((of: ChainCertificate) => of.#bothNames().issuer),
    sha256: accessor((of: ChainCertificate) => of.#digest()),
    // A new one each time: a plugin could change Node's object for the next handshake.
    x509: accessor((of: ChainCertificate) => Object.freeze(readX509(of.#der))),
    pem: accessor((of: ChainCertificate) => of.#armoured()),
  }

  constructor(der: Buffer) {
    this.#der = der
    Object.defineProperties(this, ChainCertificate.#fields)
    Object.freeze(this)
  }

  /** The PEM contains everything; the other fields are for readers of logs. */
  toJSON(): object {
    return certificateJson(this)
  }

  #bothNames(): { readonly subject: string; readonly issuer: string } {
    this.#names ??= onelineNames(this.#der)
    return this.#names
  }

  #digest(): string {
    this.#sha256 ??= createHash('sha256').update(this.#der).digest('hex')
    return this.#sha256
  }

  #armoured(): string {
    this.#pem ??= toPem(this.#der)
    return this.#pem
  }
}
