import type { Certificate } from '../../api/certificate.js'
import type { VerifyServerEvent } from '../../api/hooks.js'
import { type Facts, passage } from './codec.js'
import { exactBytes, type PlainCertificate, plainCertificate, toBuffer, WorkerCertificate } from './plain.js'

type OriginFacts = Facts<'TS_SSL_CERT_VERIFY_HOOK'>

/** An origin's certificate. The two chains have most certificates in common: each is sent once, and found by its index. */
export const ORIGIN_CERTIFICATE = passage<'TS_SSL_CERT_VERIFY_HOOK', PlainOrigin>({
  toPlain,
  toFacts: ({ certificates, chain, builtChain, ocspResponse, ...facts }) => {
    const all = certificates.map(certificate => new WorkerCertificate(certificate))
    const pick = (indexes: readonly number[]): readonly Certificate[] =>
      Object.freeze(indexes.flatMap(index => all[index] ?? []))
    return {
      ...facts,
      chain: pick(chain),
      builtChain: pick(builtChain),
      ocspResponse: ocspResponse && toBuffer(ocspResponse),
    }
  },
})

interface PlainOrigin extends Omit<OriginFacts, 'chain' | 'builtChain' | 'ocspResponse'> {
  readonly certificates: readonly PlainCertificate[]
  readonly chain: readonly number[]
  readonly builtChain: readonly number[]
  readonly ocspResponse: Uint8Array | undefined
}

function toPlain(event: VerifyServerEvent): PlainOrigin {
  const { sni, host, port, protocol, cipher, group, alpn, builtIn, checks, ocspResponse } = event
  const certificates: PlainCertificate[] = []
  const known = new Map<Certificate, number>()
  const indexOf = (certificate: Certificate): number => {
    const index = known.get(certificate) ?? certificates.length
    if (index === certificates.length) {
      certificates.push(plainCertificate(certificate))
      known.set(certificate, index)
    }
    return index
  }
  return {
    chain: event.chain.map(indexOf),
    builtChain: event.builtChain.map(indexOf),
    certificates,
    ocspResponse: ocspResponse && exactBytes(ocspResponse),
    sni,
    host,
    port,
    protocol,
    cipher,
    group,
    alpn,
    builtIn,
    checks,
  }
}
