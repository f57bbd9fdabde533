import type { BuiltInResult, PeerEvidence } from '../api/certificate.js'
import { x509ErrorName } from '../api/x509-errors.js'
import { certificateOf } from './chain-certificate.js'
import { type CheckOutcome, x509ErrorText } from './openssl/built-in-check.js'
import type { EngineOptions, ParkedPeer } from './openssl/client-engine.js'
import type { Properties } from './terms.js'

const OK: BuiltInResult = Object.freeze({ ok: true, name: 'X509_V_OK', code: 0, depth: -1, message: 'ok' })

/** What plugins and logs are shown of a parked handshake. */
export function toEvidence(peer: ParkedPeer, of: EngineOptions, properties: Properties): PeerEvidence {
  const signature = toResult(peer.signature)
  const name = toResult(peer.name)
  return {
    sni: of.sni,
    host: of.host,
    chain: peer.sent.map(certificateOf),
    builtChain: peer.built.map(certificateOf),
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
