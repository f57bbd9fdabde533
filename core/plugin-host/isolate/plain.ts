import { createHash, type X509Certificate } from 'node:crypto'
import { type Certificate, certificateJson } from '../../api/certificate.js'
import type { Parked } from '../../api/parked.js'
import type { VConn } from '../../api/vconn.js'
import { accessor } from '../../base/accessor.js'
import { toPem } from '../../base/pem.js'
import { readX509 } from '../../base/x509.js'
import type { PlainVConn } from './messages.js'

/** The subject's and issuer's names on one line come along: only OpenSSL writes them, and a worker does not load it. */
export interface PlainCertificate {
  readonly der: Uint8Array
  readonly subject: string
  readonly issuer: string
}

/** These bytes and no others: of a view, a message would carry all that lies around it in memory. */
export function exactBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** The same memory. */
export function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

export function plainVConn({ id, direction, remoteAddress, localAddress }: VConn): PlainVConn {
  return { id, direction, remoteAddress, localAddress }
}

export function plainCertificate({ der, subject, issuer }: Certificate): PlainCertificate {
  return { der: exactBytes(der), subject, issuer }
}

/** A certificate in a worker: everything is computed there, when asked for, but the names on one line. */
export class WorkerCertificate implements Certificate {
  declare readonly der: Buffer
  readonly subject: string
  readonly issuer: string
  declare readonly sha256: string
  declare readonly x509: X509Certificate
  declare readonly pem: string
  readonly #der: Uint8Array
  #sha256: string | undefined
  #x509: X509Certificate | undefined

  static readonly #fields: PropertyDescriptorMap = {
    der: accessor((of: WorkerCertificate) => Buffer.from(of.#der)),
    sha256: accessor((of: WorkerCertificate) => of.#digest()),
    x509: accessor((of: WorkerCertificate) => of.#view()),
    pem: accessor((of: WorkerCertificate) => toPem(of.#der)),
  }

  constructor({ der, subject, issuer }: PlainCertificate) {
    this.#der = der
    this.subject = subject
    this.issuer = issuer
    Object.defineProperties(this, WorkerCertificate.#fields)
    Object.freeze(this)
  }

  toJSON(): object {
    return certificateJson(this)
  }

  #digest(): string {
    this.#sha256 ??= createHash('sha256').update(this.#der).digest('hex')
    return this.#sha256
  }

  #view(): X509Certificate {
    this.#x509 ??= Object.freeze(readX509(this.#der))
    return this.#x509
  }
}

interface About extends Parked {
  readonly host?: string
  readonly method?: string
  readonly url?: string
}

/** In the words of the log: a host, a request, or an end of a connection. */
export function aboutOf({ host, method, url, vconn }: About): string {
  if (host !== undefined) return host
  if (method !== undefined && url !== undefined) return `${method} ${url}`
  return `${vconn.direction === 'inbound' ? 'client' : 'origin'} ${vconn.remoteAddress}`
}
