import { createHash, X509Certificate } from 'node:crypto'
import type { BuiltInResult, Certificate, PeerEvidence } from '../api/certificate.js'
import { x509ErrorName } from '../api/x509-errors.js'
import { type CheckOutcome, x509ErrorText } from './openssl/built-in-check.js'
import type { EngineOptions, ParkedPeer } from './openssl/client-engine.js'
import { onelineNames } from './openssl/x509.js'
import type { Properties } from './terms.js'

const OK: BuiltInResult = Object.freeze({ ok: true, name: 'X509_V_OK', code: 0, depth: -1, message: 'ok' })

/** What plugins and logs are shown of a parked handshake. */
export function toEvidence(peer: ParkedPeer, of: EngineOptions, properties: Properties): PeerEvidence {
  const signature = toResult(peer.signature)
  const name = toResult(peer.name)
  return {
    sni: of.sni,
    host: of.host,
    chain: peer.sent.map(der => new ChainCertificate(der)),
    builtChain: peer.built.map(der => new ChainCertificate(der)),
    builtIn: inForce(signature, name, properties),
    checks: { signature, name },
    ocspResponse: peer.ocspResponse,
    protocol: peer.protocol,
    cipher: peer.cipher,
    alpn: peer.alpn,
  }
}

function toResult({ code, depth }: CheckOutcome): BuiltInResult {
  return code === 0 ? OK : { ok: false, name: x509ErrorName(code), code, depth, message: x509ErrorText(code) }
}

function inForce(signature: BuiltInResult, name: BuiltInResult, properties: Properties): BuiltInResult {
  switch (properties) {
    case 'ALL':
      return signature.ok ? name : signature
    case 'SIGNATURE':
      return signature
    case 'NAME':
      return name
    case 'NONE':
      return OK
  }
}

/** Parses when asked: most handshakes are decided by a look at one field. */
class ChainCertificate implements Certificate {
  readonly der: Buffer
  #names: { readonly subject: string; readonly issuer: string } | undefined
  #sha256: string | undefined
  #x509: X509Certificate | undefined

  constructor(der: Buffer) {
    this.der = der
  }

  get subject(): string {
    this.#names ??= onelineNames(this.der)
    return this.#names.subject
  }

  get issuer(): string {
    this.#names ??= onelineNames(this.der)
    return this.#names.issuer
  }

  get sha256(): string {
    this.#sha256 ??= createHash('sha256').update(this.der).digest('hex')
    return this.#sha256
  }

  get x509(): X509Certificate {
    this.#x509 ??= new X509Certificate(this.der)
    return this.#x509
  }

  get pem(): string {
    return this.x509.toString()
  }
}
