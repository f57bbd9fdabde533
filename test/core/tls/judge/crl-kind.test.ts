import { test } from 'tap'
import { type CrlFacts, crlKind } from '../../../../core/tls/judge/crl-kind.js'

const NOW = Date.UTC(2026, 0, 1)
const LIST: CrlFacts = {
  issuer: '/CN=Root',
  thisUpdate: NOW,
  nextUpdate: NOW + 1000,
  extensions: [],
  weakDigest: undefined,
  criticalInEntries: new Set(),
  reasons: new Set(),
}

test('revocation lists that openssl ca cannot write are refused too', async t => {
  const number = { oid: '2.5.29.20', isCritical: false, value: Buffer.from([2, 1, 1]) }
  for (const [facts, wrong] of [
    [{ nextUpdate: undefined }, /does not say when it ends/],
    [{ nextUpdate: Number.NaN }, /it ended on an unreadable date/],
    [{ thisUpdate: Number.NaN }, /it is not valid before an unreadable date/],
    [{ extensions: [number, number] }, /its extension 2\.5\.29\.20 is there twice/],
    [{ criticalInEntries: new Set(['2.5.29.29']) }, /its entries name other issuers/],
    [{ criticalInEntries: new Set(['1.2.3']) }, /the critical extension 1\.2\.3 of its entries/],
    [{ reasons: new Set([1, 8]) }, /an entry says removeFromCRL/],
    [
      {
        extensions: [
          // issuingDistributionPoint with onlyContainsUserCerts and onlyContainsCACerts
          { oid: '2.5.29.28', isCritical: true, value: Buffer.from('30068101ff8201ff', 'hex') },
        ],
      },
      /its scope contradicts itself/,
    ],
  ] as const)
    t.match(crlKind({ ...LIST, ...facts }, false, NOW), { wrong }, String(wrong))
})

test('a list is good from its first millisecond to its last', async t => {
  const good = { keyId: undefined, endsAt: NOW + 1000, isOfPoint: false, scope: '' }
  t.strictSame(crlKind(LIST, false, NOW), good)
  t.strictSame(crlKind(LIST, false, NOW + 999), good)
  t.hasProp(crlKind(LIST, false, NOW - 1), 'wrong')
  t.hasProp(crlKind(LIST, false, NOW + 1000), 'wrong')
  t.strictSame(crlKind({ ...LIST, reasons: new Set([-1, 0, 1, 6]) }, true, NOW), good, 'reasons do no harm')
})
