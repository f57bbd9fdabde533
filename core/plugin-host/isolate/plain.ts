import { createHash, type X509Certificate } from 'node:crypto'
import type { Certificate } from '../../api/certificate.js'
import type { Parked } from '../../api/parked.js'
import type { VConn } from '../../api/vconn.js'
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
  readonly #plain: PlainCertificate
  #sha256: string | undefined
  #x509: X509Certificate | undefined

  constructor(plain: PlainCertificate) {
    this.#plain = plain
    Object.freeze(this)
  }

  get der(): Buffer {
    return Buffer.from(this.#plain.der)
  }

  get subject(): string {
    return this.#plain.subject
  }

  get issuer(): string {
    return this.#plain.issuer
  }

  get sha256(): string {
    this.#sha256 ??= createHash('sha256').update(this.#plain.der).digest('hex')
    return this.#sha256
  }

  get x509(): X509Certificate {
    this.#x509 ??= Object.freeze(readX509(this.#plain.der))
    return this.#x509
  }

  get pem(): string {
    return toPem(this.#plain.der)
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
