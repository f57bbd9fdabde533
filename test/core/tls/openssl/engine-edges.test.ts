import { X509Certificate } from 'node:crypto'
import { type Test, test } from 'tap'
import { BIO_free } from '../../../../core/tls/openssl/library.js'
import { drainBio, newMemoryBio } from '../../../../core/tls/openssl/memory-bio.js'
import {
  OutboundContext,
  type OutboundContextOptions,
} from '../../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine, type OutboundNames } from '../../../../core/tls/openssl/outbound-engine.js'
import { type Ask, fetchText, Handshaker, type HandshakerOptions } from '../../../kit/handshakes.js'
import { opensslOrigin } from '../../../kit/openssl-origin.js'
import { OriginEngine, type OriginEngineOptions, shake } from '../../../kit/origin-engine.js'
import { type Issued, makeAuthority } from '../../../kit/pki.js'

const VERSIONS = ['1.2', '1.3'] as const
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: 'foo.test' })
const forged = withBadSignature(leaf)

/** The same certificate but for the last bit of its signature. */
function withBadSignature({ certPem, keyPem }: Issued): Pick<Issued, 'certPem' | 'keyPem'> {
  const der = Buffer.from(new X509Certificate(certPem).raw)
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1)
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n')
  return { certPem: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`, keyPem }
}

function outboundEngine(
  t: Test,
  context: Partial<OutboundContextOptions> = {},
  options: Partial<OutboundNames> = {},
): OutboundEngine {
  const made = new OutboundContext({
    ...{ anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] },
    ...context,
  })
  // Also where the engine refuses a name. What has been registered last comes first.
  t.teardown(() => made.free())
  const engine = new OutboundEngine(made, { host: 'foo.test', isAddress: false, sni: undefined, ...options })
  t.teardown(() => engine.free())
  return engine
}

function originEngine(t: Test, options: OriginEngineOptions): OriginEngine {
  const made = new OriginEngine(options)
  t.teardown(() => made.free())
  return made
}

for (const version of VERSIONS) {
  test(`TLS ${version}: what ends a connection is remembered`, async t => {
    const ends = { fail: 'failed', close: 'end' } as const
    for (const [how, end] of Object.entries(ends)) {
      const [engine, server] = [outboundEngine(t), originEngine(t, { ...leaf, version })]
      t.equal(shake(engine, server), 'established')
      engine.read()
      server.write('half a body')
      server[how as keyof typeof ends]()
      engine.receive(server.take())
      t.equal(String(engine.read()), 'half a body', `${how}: data in the same chunk come first`)
      t.same([engine.read(), engine.read()], [end, end], `then, for ever, ${end}`)
    }
  })

  test(`TLS ${version}: a record that was tampered with behind good ones`, async t => {
    const [engine, server] = [outboundEngine(t), originEngine(t, { ...leaf, version })]
    shake(engine, server)
    engine.read()
    server.write('good')
    const good = server.take()
    server.write('bad')
    const bad = server.take()
    bad.writeUInt8(bad.readUInt8(bad.length - 1) ^ 1, bad.length - 1)
    engine.receive(Buffer.concat([good, bad]))
    t.equal(String(engine.read()), 'good')
    t.same([engine.read(), engine.read()], ['failed', 'failed'])
    t.equal(engine.write(Buffer.from('x')), 'failed', 'nothing is written any more')
  })

  test(`TLS ${version}: a certificate whose signature is wrong parks like any other`, async t => {
    const cases: readonly [HandshakerOptions, { asked: number; isOpen: boolean }][] = [
      [{ override: 1 }, { asked: 1, isOpen: true }],
      [{ override: 0 }, { asked: 0, isOpen: false }],
      [
        { override: 0, policy: 'PERMISSIVE' },
        { asked: 1, isOpen: true },
      ],
      [{ verify: 0 }, { asked: 0, isOpen: true }],
    ]
    for (const [options, { asked, isOpen }] of cases) {
      const what = JSON.stringify(options)
      const origin = await opensslOrigin({ ...forged, tls: version })
      const codes: number[] = []
      const ask: Ask = ({ builtIn, reenable }) => {
        codes.push(builtIn.code)
        reenable()
      }
      const handshaker = new Handshaker(root.certPem, [ask], options)
      const result = await handshaker.start(origin.port, 'foo.test').catch(error => error)
      t.same(codes, Array(asked).fill(7), `${what}: plugins are asked, and shown what is wrong`)
      if (isOpen) {
        t.match(await fetchText(result, 'GET / HTTP/1.0\r\n\r\n'), /200 ok/i, `${what}: accepted`)
        result.link.destroy()
      } else {
        t.match(result, { code: 'PTC_VERIFY_REJECTED', rejection: { by: 'built-in', code: 7 } }, what)
        await origin.waitFor('fatal decrypt_error')
        t.notOk(origin.received('Finished'))
      }
      handshaker.stop()
      await origin.stop()
    }
  })
}

test('no list of ciphers brings in a handshake without a certificate', async t => {
  const anonymous: OriginEngineOptions = { version: '1.2', ciphers: 'AECDH-AES128-SHA:@SECLEVEL=0' }
  for (const ciphers of ['aNULL:@SECLEVEL=0', '@SECLEVEL=0:ALL:aNULL', 'AECDH-AES128-SHA:@SECLEVEL=0']) {
    const server = originEngine(t, anonymous)
    let engine: OutboundEngine
    try {
      engine = outboundEngine(t, { ciphers, maxVersion: 'TLSv1.2' })
    } catch (why) {
      t.match(why, { code: 'PTC_TLS_CONTEXT' }, `${ciphers}: refused`)
      continue
    }
    t.equal(shake(engine, server), 'failed', ciphers)
    t.notOk(server.isDone, 'the server has no Finished')
    t.equal(engine.peer(), undefined)
  }
})

test('a host that is no valid name matches no certificate', async t => {
  const names = await root.issue({ cn: 'x', sans: ['www.example.com', '*.example.net', 'com'] })
  const nameCode = (host: string): number | undefined => {
    const engine = outboundEngine(t, {}, { host })
    shake(engine, originEngine(t, { ...names, version: '1.3' }))
    return engine.peer()?.name.code
  }
  for (const host of ['www.example.com', 'WWW.example.COM', 'a.example.net']) t.equal(nameCode(host), 0, host)
  for (const host of [
    '',
    '.',
    '.com',
    '.example.com',
    '.www.example.com',
    '.example.net',
    'example.net',
    'a.b.example.net',
    'www.example.com\0',
    'www.example.com\0.evil.test',
    '\0www.example.com',
    'example.com',
    'foo.com',
    '127.0.0.1',
  ]) {
    t.equal(nameCode(host), 62, JSON.stringify(host))
  }
})

test('a freed engine ignores what it receives', async t => {
  const engine = outboundEngine(t)
  engine.free()
  engine.free()
  const others = Array.from({ length: 500 }, newMemoryBio) // some lie where those of the engine were
  engine.receive(Buffer.alloc(1000, 'x'))
  t.same(
    others.map(drainBio).filter(bytes => bytes !== undefined),
    [],
  )
  t.equal(engine.take(), undefined)
  for (const bio of others) BIO_free(bio)
})

test('a name that cannot be sent fails the handshake', async t => {
  t.throws(() => outboundEngine(t, {}, { sni: 'x'.repeat(300) }), { code: 'PTC_HANDSHAKE_FAILED' })
})
