import { createHash, type KeyObject } from 'node:crypto'
import type { Certificate } from 'portcullis/plugin'
import { type CertificateDetails, readDetails } from 'portcullis/x509'

/** The issuer of a certificate, in the chain that was built. */
export interface Issuer {
  readonly details: CertificateDetails
  readonly key: KeyObject
  /** Equal for certificates of the same name and key. */
  readonly id: string
}

/** A certificate about which is asked. */
export interface Subject {
  readonly details: CertificateDetails
  readonly issuer: Issuer
  readonly isLeaf: boolean
}

export function subjectOf(certificate: Certificate, by: Certificate, isLeaf: boolean): Subject {
  const details = readDetails(by)
  const { rawSubject, spki } = details
  const id = createHash('sha256').update(rawSubject).update(spki).digest('hex')
  const issuer = { details, key: by.x509.publicKey, id }
  return { details: readDetails(certificate), issuer, isLeaf }
}

/** The serial number's content, as bytes. */
export const serialOf = ({ details }: Subject): Buffer => Buffer.from(details.serialNumber, 'hex')
