import { test } from 'tap'
import { type ClientHello, readClientHello } from '../../../../core/tls/sniff/client-hello.js'
import { whyNoGrease } from '../../../../core/tls/sniff/encrypted-hello.js'
import { RECORDED, RECORDED_NAME, recordedHello, vector } from '../../../kit/client-hellos.js'

function helloOf(bytes: Buffer): ClientHello {
  const reading = readClientHello(bytes)
  if (reading.kind !== 'hello') throw new Error(reading.kind)
  return reading.hello
}

test('GREASE of real clients may be GREASE, and a real ECH shows its outer name', async t => {
  for (const client of RECORDED) {
    const hello = helloOf(recordedHello(client))
    const hasEch = /Chromium|ECH/.test(client)
    t.equal(hello.ech !== undefined, hasEch, client)
    if (client === 'NSS 3.87, ECH') {
      t.match(whyNoGrease(hello, RECORDED_NAME), /its name in plaintext is public\.example/)
      t.equal(whyNoGrease(hello, 'public.example'), undefined, 'which cannot be told from GREASE')
    } else {
      t.equal(whyNoGrease(hello, RECORDED_NAME), undefined, client)
      t.equal(
        whyNoGrease(hello, 'b.example') === undefined,
        !hasEch,
        `${client}, of a tunnel for another host`,
      )
    }
  }
})

test('a tunnel to an address takes no name for GREASE', async t => {
  const { ech } = helloOf(recordedHello('Chromium 156'))
  t.match(whyNoGrease({ sni: 'a.example', ech }, '192.0.2.1'), /the tunnel is for 192\.0\.2\.1/)
  t.equal(whyNoGrease({ sni: '192.0.2.1', ech }, '192.0.2.1'), undefined)
  t.equal(whyNoGrease({ sni: undefined, ech }, '192.0.2.1'), undefined, 'a real one has an outer name')
  t.equal(whyNoGrease({ sni: 'a.example', ech: undefined }, '192.0.2.1'), undefined, 'without ECH')
})

interface Parts {
  readonly type?: number
  readonly kdf?: number
  readonly aead?: number
  readonly key?: number
  readonly payload?: number
  readonly tail?: number
}

function extension({ type = 0, kdf = 1, aead = 1, key = 32, payload = 144, tail = 0 }: Parts): string {
  const fixed = Buffer.from([type, 0, kdf, 0, aead, 99])
  const parts = [
    fixed,
    vector(2, Buffer.alloc(key, 5)),
    vector(2, Buffer.alloc(payload, 7)),
    Buffer.alloc(tail),
  ]
  return Buffer.concat(parts).toString('latin1')
}

const isGrease = (ech: string): boolean => whyNoGrease({ sni: 'a.example', ech }, 'a.example') === undefined

test('what has not the form of GREASE is none', async t => {
  for (const aead of [1, 2, 3]) t.ok(isGrease(extension({ aead })))
  for (const key of [32, 65, 97, 133]) t.ok(isGrease(extension({ key })))
  for (const payload of [111, 144, 240, 1500]) t.ok(isGrease(extension({ payload })))
  const odd: Record<string, Parts> = {
    'an inner one': { type: 1 },
    'another type': { type: 2 },
    'an unknown KDF': { kdf: 9 },
    'no AEAD': { aead: 0 },
    'a key of no length': { key: 0 },
    'a key of another length': { key: 31 },
    'a payload in which no ClientHello fits': { payload: 60 },
    'bytes behind it': { tail: 1 },
  }
  for (const [what, parts] of Object.entries(odd)) t.notOk(isGrease(extension(parts)), what)
  const whole = extension({})
  for (let end = 0; end < whole.length; end++) if (isGrease(whole.slice(0, end))) t.fail(`cut to ${end}`)
})
