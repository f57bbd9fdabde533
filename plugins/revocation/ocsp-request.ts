import { createHash } from 'node:crypto'
import { CertID, id_pkix_ocsp_nonce, OCSPRequest, Request, TBSRequest } from '@peculiar/asn1-ocsp'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, Extension } from '@peculiar/asn1-x509'
import { nonceValue } from './ocsp-response.js'
import type { Subject } from './subject.js'

const OIDS = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' } as const

/**
 * A question about one certificate, DER.
 * @param hash names the issuer. SHA-1 is what every responder knows, and nothing rests on it: the answer is signed.
 */
export function makeRequest(subject: Subject, hash: keyof typeof OIDS, nonce?: Buffer): Buffer {
  const { rawSubject, publicKeyBits } = subject.issuer
  const digest = (bytes: Buffer): OctetString => new OctetString(createHash(hash).update(bytes).digest())
  const certId = new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: OIDS[hash], parameters: NULL }),
    issuerNameHash: digest(rawSubject),
    issuerKeyHash: digest(publicKeyBits),
    serialNumber: new Uint8Array(subject.serial).buffer,
  })
  const tbs = new TBSRequest({ requestList: [new Request({ reqCert: certId })] })
  if (nonce !== undefined) {
    const extnValue = new OctetString(nonceValue(nonce))
    tbs.requestExtensions = [new Extension({ extnID: id_pkix_ocsp_nonce, critical: false, extnValue })]
  }
  return Buffer.from(AsnConvert.serialize(new OCSPRequest({ tbsRequest: tbs })))
}

const NULL = new Uint8Array([0x05, 0x00]).buffer
