import { ProxyError } from '../../base/errors.js'
import { unreadable } from '../../base/x509.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { drainBio, withBio } from './memory-bio.js'
import { Owned } from './owned.js'

/**
 * The most characters that one byte of a name's DER can become on one line: an attribute has at least 7 bytes, and its type
 * can take 80 characters. X509_NAME_oneline silently leaves out attributes for which there is no room.
 */
const CHARACTERS_PER_BYTE = 16

/** X509_check_host flags: no `f*.example.com`, and never the subject's CN (RFC 9525 section 2). */
export const CHECK_FLAGS = 0x4 | 0x20

/** A native certificate with its owner. */
export function ownX509(handle: Handle): Owned {
  return new Owned('X509', handle, ssl.X509_free)
}

/** The elements of a STACK_OF(X509), in its order. The owner of the stack owns them. */
export function itemsOfStack(stack: Handle): readonly Handle[] {
  if (stack === NULL) return []
  const items: Handle[] = []
  for (let i = 0, count = ssl.OPENSSL_sk_num(stack); i < count; i++)
    items.push(ssl.OPENSSL_sk_value(stack, i))
  return items
}

/** A STACK_OF(X509) with its owner. It does not own the certificates: their owners must outlive it. */
export function ownStack(items: readonly Handle[]): Owned {
  const stack = new Owned('STACK_OF(X509)', ssl.OPENSSL_sk_new_null(), ssl.OPENSSL_sk_free)
  for (const item of items) {
    if (ssl.OPENSSL_sk_push(stack.handle, item) > 0) continue
    stack.free()
    throw new ProxyError('PTC_INTERNAL', 'OpenSSL has no memory for a list of certificates')
  }
  return stack
}

/** DER of every certificate in a STACK_OF(X509), in its order. */
export const derOfStack = (stack: Handle): readonly Buffer[] => itemsOfStack(stack).map(derOfX509)

/** Without this check a missing certificate would change the chain that is judged. @throws {ProxyError} PTC_INTERNAL */
export function derOfX509(x509: Handle): Buffer {
  const der = withBio(undefined, bio => (ssl.i2d_X509_bio(bio, x509) === 1 ? drainBio(bio) : undefined))
  if (der === undefined) throw new ProxyError('PTC_INTERNAL', 'a certificate of the chain has no DER')
  return der
}

/**
 * Subject and issuer of a DER certificate as X509_NAME_oneline writes them, whole.
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE
 */
export function onelineNames(der: Buffer): { readonly subject: string; readonly issuer: string } {
  const handle = withBio(der, bio => ssl.d2i_X509_bio(bio, NULL))
  if (handle === NULL) {
    ssl.ERR_clear_error()
    throw unreadable('OpenSSL finds no names in it')
  }
  const x509 = ownX509(handle)
  try {
    return {
      subject: oneline(ssl.X509_get_subject_name(x509.handle)),
      issuer: oneline(ssl.X509_get_issuer_name(x509.handle)),
    }
  } finally {
    x509.free()
  }
}

/** As X509_NAME_oneline writes a name, whole. */
export function oneline(name: Handle): string {
  const size = CHARACTERS_PER_BYTE * (1 + Math.max(0, ssl.i2d_X509_NAME(name, NULL)))
  const text = Buffer.alloc(size)
  ssl.X509_NAME_oneline(name, text, size)
  return text.toString('latin1', 0, text.indexOf(0))
}

/** Whether a certificate is for `host`: a DNS name in ASCII, or an address. 1 yes, 0 no, negative: an error. */
export function checkHost(x509: Handle, host: string, isAddress: boolean): number {
  if (host === '' || host.startsWith('.') || host.includes('\0')) return 0
  return isAddress
    ? ssl.X509_check_ip_asc(x509, host, 0)
    : ssl.X509_check_host(x509, host, Buffer.byteLength(host), CHECK_FLAGS, NULL)
}
