/** Certificates rewritten after they were issued, so that they carry what their issuer never signed. */

import { X509Certificate } from 'node:crypto'
import { toPem } from '../../core/base/pem.js'
import { derElement, derElements } from '../../core/tls/judge/der.js'
import { der, sequence } from './der.js'

/** Where a certificate may carry a text. */
export type Place = 'extension' | 'subject' | 'issuer'
export const PLACES: readonly Place[] = ['extension', 'subject', 'issuer']

/** A private extension: 1.3.6.1.4.1.99999.1 */
const PRIVATE = der(0x06, Buffer.from([0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01]))
const COMMON_NAME = der(0x06, Buffer.from([0x55, 0x04, 0x03]))
/** The fields of a tbsCertificate with a version: issuer and subject by their place. */
const FIELD = { issuer: 3, subject: 5 } as const

/** The same certificate with `bytes` in it; its signature is the old one, and so is its key. */
export function carrying(certificate: Buffer, bytes: Uint8Array, place: Place): Buffer {
  const [tbs, ...rest] = derElements(derElement(certificate).content)
  const fields = derElements(tbs?.content ?? Buffer.alloc(0)).map(field => field.bytes)
  if (place === 'extension') {
    const wrapped = derElement(fields.at(-1) ?? Buffer.alloc(0))
    const extensions = derElement(wrapped.content)
    const own = sequence(PRIVATE, der(0x04, bytes))
    fields.splice(-1, 1, der(wrapped.tag, sequence(extensions.content, own)))
  } else {
    fields.splice(FIELD[place], 1, nameOf(bytes))
  }
  return sequence(sequence(...fields), ...rest.map(element => element.bytes))
}

/** The same certificate with these extensions in place of its own. */
export function withExtensions(certificate: Buffer, extensions: readonly Uint8Array[]): Buffer {
  const [tbs, ...rest] = derElements(derElement(certificate).content)
  const fields = derElements(tbs?.content ?? Buffer.alloc(0)).map(field => field.bytes)
  fields.splice(-1, 1, der(0xa3, sequence(...extensions)))
  return sequence(sequence(...fields), ...rest.map(element => element.bytes))
}

/** A name of one attribute, a common name as UTF8String. */
function nameOf(value: Uint8Array): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, value))))
}

/** The PEM text as a parser finds it in the middle of other bytes: at the beginning of a line. */
export const embedded = (pem: string): Buffer => Buffer.from(`\n${pem}`)

/** The first UTCTime of a certificate: its tag and its length. */
const UTC_TIME = Buffer.from([0x17, 13])

/** A certificate whose two dates have a month that there is not. Its signature is wrong then. */
export function withUnreadableDates(pem: string): string {
  const der = Buffer.from(new X509Certificate(pem).raw)
  const first = der.indexOf(UTC_TIME)
  const second = der.indexOf(UTC_TIME, first + 1)
  if (first < 0 || second < 0) throw new Error('no UTCTime')
  for (const at of [first, second]) der.write('269901000000Z', at + UTC_TIME.length, 'latin1')
  return toPem(der)
}
