import { X509Certificate } from 'node:crypto'
import { toPem } from '../../core/base/pem.js'

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
