import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { PassingCertificate } from '../../../../core/tls/sniff/passing-certificate.js'
import { certificateMessage, inRecords, message, serverHello } from '../../../kit/client-hellos.js'

const LEAF = Buffer.alloc(900, 'leaf')
const OTHER = Buffer.alloc(900, 'other')
const ISSUER = Buffer.alloc(1200, 'issuer')
const SHA256 = createHash('sha256').update(LEAF).digest('hex')

const REST = Buffer.concat([inRecords(message(12, Buffer.alloc(40))), inRecords(message(14))])
const flight = (leaf: Buffer, size?: number): Buffer =>
  Buffer.concat([
    inRecords(Buffer.concat([serverHello('1.2'), certificateMessage(leaf, ISSUER)]), size),
    REST,
  ])

/** Passes the bytes in pieces, and what got through. */
function pass(
  bytes: Buffer,
  cuts: readonly number[] = [],
): { passed: Buffer; isDone: boolean; code: unknown } {
  const watch = new PassingCertificate(SHA256)
  const passed: Buffer[] = []
  let code: unknown
  const points = [...new Set([0, ...cuts, bytes.length])]
    .filter(at => at <= bytes.length)
    .sort((a, b) => a - b)
  try {
    points.slice(1).forEach((to, i) => {
      passed.push(watch.pass(bytes.subarray(points[i], to)))
    })
  } catch (cause) {
    code = (cause as { code?: unknown }).code
  }
  return { passed: Buffer.concat(passed), isDone: watch.isDone, code }
}

test('the verified leaf passes, whole and unchanged, however it is cut', async t => {
  t.strictSame(pass(flight(LEAF)), { passed: flight(LEAF), isDone: true, code: undefined })
  for (const size of [1, 7, 100, 3000]) t.ok(pass(flight(LEAF, size)).isDone, `in records of ${size} bytes`)
  fc.assert(
    fc.property(
      fc.array(fc.nat(3000), { maxLength: 30 }),
      fc.integer({ min: 1, max: 2000 }),
      (cuts, size) => {
        const bytes = flight(LEAF, size)
        const { passed, isDone } = pass(bytes, cuts)
        return isDone && passed.equals(bytes)
      },
    ),
    { numRuns: 200 },
  )
})

test('of another leaf not one byte passes', async t => {
  for (const size of [5, 100, 16_384]) {
    const bytes = flight(OTHER, size)
    const { passed, code } = pass(bytes, [10, 100, 500, 800])
    t.equal(code, 'PTC_TUNNEL_CUT')
    t.notOk(passed.includes('other'), `in records of ${size} bytes`)
  }
  t.equal(pass(flight(Buffer.alloc(0))).code, 'PTC_TUNNEL_CUT', 'an empty certificate')
  const none = inRecords(Buffer.concat([serverHello('1.2'), message(11, Buffer.from([0, 0, 0]))]))
  t.equal(pass(none).code, 'PTC_TUNNEL_CUT', 'no certificate at all')
})

test('a handshake in which no certificate can be seen passes', async t => {
  const tls13 = Buffer.concat([inRecords(serverHello('1.3')), inRecords(Buffer.alloc(500, 9), 500, 23)])
  t.strictSame(pass(tls13, [3, 20, 90]), { passed: tls13, isDone: true, code: undefined }, 'TLS 1.3')
  const ticket = message(4, Buffer.alloc(60))
  const resumed = Buffer.concat([
    inRecords(Buffer.concat([serverHello('1.2'), ticket])),
    inRecords(Buffer.from([1]), 1, 20),
    inRecords(Buffer.alloc(40), 40),
  ])
  t.strictSame(pass(resumed), { passed: resumed, isDone: true, code: undefined }, 'a resumed session')
})

test('an alert passes, and nothing can follow it unseen', async t => {
  const alert = inRecords(Buffer.from([1, 112]), 2, 21)
  t.strictSame(pass(alert), { passed: alert, isDone: false, code: undefined })
  t.equal(pass(Buffer.concat([alert, flight(OTHER)])).code, 'PTC_TUNNEL_CUT')
  t.ok(pass(Buffer.concat([alert, flight(LEAF)])).isDone)
})

test('what is no handshake of a server is cut', async t => {
  const cases: Record<string, Buffer> = {
    'plain text': Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'application data first': inRecords(Buffer.alloc(10), 10, 23),
    'ChangeCipherSpec first': inRecords(Buffer.from([1]), 1, 20),
    'a certificate first': inRecords(certificateMessage(LEAF)),
    'a key exchange without a certificate': inRecords(Buffer.concat([serverHello('1.2'), message(12, LEAF)])),
    'data before the certificate': Buffer.concat([inRecords(serverHello('1.2')), inRecords(LEAF, 900, 23)]),
    'a message that another record interrupts': Buffer.concat([
      inRecords(certificateMessage(LEAF).subarray(0, 10)),
      inRecords(Buffer.from([1]), 1, 20),
    ]),
    'a malformed ServerHello': inRecords(message(2, Buffer.alloc(50, 255))),
    'certificates without end': inRecords(Buffer.concat([serverHello('1.2'), Buffer.from([11, 2, 0, 1])])),
  }
  for (const [what, bytes] of Object.entries(cases)) t.equal(pass(bytes).code, 'PTC_TUNNEL_CUT', what)
})

test('no bytes whatever make it throw anything but the cut', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, behindHello) => {
      const noise = inRecords(Buffer.concat([Buffer.from([11, 0, 0, bytes.length]), Buffer.from(bytes)]))
      const { code } = pass(
        behindHello ? Buffer.concat([inRecords(serverHello('1.2')), noise]) : Buffer.from(bytes),
      )
      return code === undefined || code === 'PTC_TUNNEL_CUT'
    }),
  )
  t.pass()
})
