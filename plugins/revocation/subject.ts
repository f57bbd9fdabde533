import { createHash, type KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Certificate } from 'portcullis/plugin'
import { type CertificateDetails, type CrlPoint, readDetails } from 'portcullis/x509'

/** The issuer of a certificate, in the chain that was built. */
export interface Issuer {
  readonly key: KeyObject
  /** Equal for certificates of the same name and key. */
  readonly id: string
  readonly rawSubject: Buffer
  readonly publicKeyBits: Buffer
  readonly keyUsage: CertificateDetails['keyUsage']
}

/** A certificate about which is asked. */
export interface Subject {
  readonly issuer: Issuer
  readonly isLeaf: boolean
  /** The content of its serial number. */
  readonly serial: Buffer
  readonly isCa: boolean
  readonly isMustStaple: boolean
  readonly crlPoints: readonly CrlPoint[]
  readonly ocspUrls: readonly string[]
}

const MAX_KNOWN = 5000

/** Reads certificates once: reading one costs more than a handshake. */
export class Subjects {
  readonly #known = new LRUCache<string, Subject>({ max: MAX_KNOWN })

  /** @throws {Error} for an extension that cannot be read */
  of(certificate: Certificate, by: Certificate, isLeaf: boolean): Subject {
    const key = `${certificate.sha256} ${by.sha256} ${isLeaf}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const subject = subjectOf(readDetails(certificate), issuerOf(by), isLeaf)
    this.#known.set(key, subject)
    return subject
  }
}

export function subjectOf(details: CertificateDetails, issuer: Issuer, isLeaf: boolean): Subject {
  const { serialNumber, isCa, isMustStaple, crlPoints, ocspUrls } = details
  const serial = Buffer.from(serialNumber, 'hex')
  return { issuer, isLeaf, serial, isCa, isMustStaple, crlPoints, ocspUrls }
}

function issuerOf(certificate: Certificate): Issuer {
  const { rawSubject, spki, publicKeyBits, keyUsage } = readDetails(certificate)
  const id = createHash('sha256').update(rawSubject).update(spki).digest('hex')
  return { key: certificate.x509.publicKey, id, rawSubject, publicKeyBits, keyUsage }
}
