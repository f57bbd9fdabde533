/** What an origin has shown, on its way to a worker. */
import type { Certificate, PeerEvidence } from '../../api/certificate.js'
import { exactBytes, type PlainCertificate, plainCertificate, toBuffer, WorkerCertificate } from './plain.js'

/** The two chains have most certificates in common: each is sent once, and found by its index. */
export interface PlainEvidence
  extends Omit<PeerEvidence, 'chain' | 'builtChain' | 'ocspResponse' | 'sctList'> {
  readonly certificates: readonly PlainCertificate[]
  readonly chain: readonly number[]
  readonly builtChain: readonly number[]
  readonly ocspResponse: Uint8Array | undefined
  readonly sctList: Uint8Array | undefined
}

export function plainEvidence(evidence: PeerEvidence): PlainEvidence {
  const { sni, host, protocol, cipher, group, alpn, builtIn, checks, ocspResponse, sctList } = evidence
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
    chain: evidence.chain.map(indexOf),
    builtChain: evidence.builtChain.map(indexOf),
    certificates,
    ocspResponse: ocspResponse && exactBytes(ocspResponse),
    sctList: sctList && exactBytes(sctList),
    sni,
    host,
    protocol,
    cipher,
    group,
    alpn,
    builtIn,
    checks,
  }
}

/** The same again, in the worker. */
export function evidenceFrom(plain: PlainEvidence): PeerEvidence {
  const { certificates, chain, builtChain, ocspResponse, sctList, ...facts } = plain
  const all = certificates.map(certificate => new WorkerCertificate(certificate))
  const pick = (indexes: readonly number[]): readonly Certificate[] =>
    Object.freeze(indexes.flatMap(index => all[index] ?? []))
  return {
    ...facts,
    chain: pick(chain),
    builtChain: pick(builtChain),
    ocspResponse: ocspResponse && toBuffer(ocspResponse),
    sctList: sctList && toBuffer(sctList),
  }
}
