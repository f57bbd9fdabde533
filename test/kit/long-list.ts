import { createPrivateKey, sign } from 'node:crypto'
import { readDetails } from '../../core/x509/details.js'
import { der, sequence } from './der.js'
import type { Authority } from './pki.js'

const HOUR = 3_600_000

/** A revocation list of so many entries, DER, good for an hour. `serial` gives the number of an entry; odd ones are on no list. */
export function longList(issuer: Authority, count: number) {
  const time = (at: number) =>
    der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/\D/g, '').slice(2, 14)}Z`))
  const reason = sequence(
    sequence(der(0x06, Buffer.from('551d15', 'hex')), der(0x04, der(0x0a, Buffer.from([4])))),
  )
  const entry = sequence(der(0x02, Buffer.alloc(16, 0x11)), time(Date.UTC(2026, 0, 2)), reason)
  const at = entry.indexOf(Buffer.alloc(16, 0x11))
  const entries = Buffer.alloc(count * entry.length, entry)
  for (let i = 0; i < count; i++) entries.writeUInt32BE(i * 2, i * entry.length + at + 9)
  const ecdsa = sequence(der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
  const { rawSubject } = readDetails(issuer.cert.raw)
  const now = Date.now()
  const tbs = sequence(
    der(0x02, Buffer.from([1])),
    ecdsa,
    rawSubject,
    time(now - HOUR),
    time(now + HOUR),
    sequence(entries),
  )
  const signature = sign('sha256', tbs, createPrivateKey(issuer.keyPem))
  const serial = (i: number): string => {
    const bytes = Buffer.alloc(16, 0x11)
    bytes.writeUInt32BE(i, 9)
    return bytes.toString('hex')
  }
  return { list: sequence(tbs, ecdsa, der(0x03, Buffer.from([0]), signature)), serial }
}
