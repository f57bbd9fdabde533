import 'reflect-metadata' // before the x509 library
import type { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { SubjectAlternativeNameExtension } from '@peculiar/x509'
import { type Test, test } from 'tap'
import type { Outcome } from '../../core/testing/kit.js'
import { certificatesOf } from '../../core/testing/kit.js'
import { ECDSA, generateKeys, issueCertificate, privateKeyPem } from '../../core/tls/issue-certificate.js'
import { parseSpiffeId } from '../../plugins/spiffe/spiffe-id.js'
import { whyNotSvid } from '../../plugins/spiffe/verify-svid.js'
import { atEnd } from '../kit/at-end.js'
import { withUnreadableDates } from '../kit/carrying.js'
import { type Authority, makeAuthority } from '../kit/pki.js'
import { leafWith } from '../kit/pki-openssl.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const host = 'web.svc'
const ID = 'spiffe://prod.example/ns/shop/sa/web'
const UNKNOWN_ISSUER = 'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
const GOOD = 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature'
const [prod, test2] = [await makeAuthority({ name: 'Prod' }), await makeAuthority({ name: 'Test' })]
const between = await makeAuthority({ name: 'Between', parent: prod, pathLen: 0 })

const svid = (by: Authority, uri = ID, extensions = GOOD): string =>
  leafWith(by, 'x', `${extensions}\nsubjectAltName=URI:${uri}`).toString()

let files = 0
const bundle = (...of: Authority[]): string =>
  dir.file(`bundle-${++files}.pem`, of.map(({ certPem }) => certPem).join(''))
const PROD = bundle(prod)
const config = (hosts: string, prodBundle = PROD): string =>
  dir.file(
    `spiffe-${++files}.yaml`,
    `trust_domains:\n- {name: prod.example, bundle: ${prodBundle}}\n- {name: test.example, bundle: ${bundle(test2)}}\nhosts:\n${hosts}\n`,
  )
const ANY = config('- {host: "*.svc", trust_domain: prod.example}')

async function ask(t: Test, chain: string, line = `spiffe file=${ANY}`, more = {}): Promise<Outcome> {
  const kit = await openPlugins(t, line)
  return await (await kit.park({ host, chain, builtIn: UNKNOWN_ISSUER, ...more })).ended()
}
const untrusted = (detail: RegExp) => ({ ...rejected('spiffe', 'untrusted-issuer'), detail })
const ACCEPTED = { kind: 'accepted', by: 'plugins', expiresAt: Number }

for (const isolate of ['', '@isolate=worker '])
  test(`a workload of the trust domain is accepted, and of another is not ${isolate}`, async t => {
    const line = `spiffe ${isolate}file=${ANY}`
    t.match(await ask(t, svid(prod), line), ACCEPTED)
    t.match(await ask(t, svid(between) + between.certPem, line), ACCEPTED)
    t.match(
      await ask(t, svid(test2), line),
      untrusted(/no authority of the bundle has issued it/),
      'each bundle is for its own domain',
    )
    t.match(await ask(t, svid(between), line), untrusted(/no authority/), 'without the intermediate')
    const foreign = 'spiffe://test.example/web'
    t.match(
      await ask(t, svid(test2, foreign), line),
      rejected('spiffe', 'name-mismatch', `web.svc shows ${foreign}, which is not its SPIFFE ID`),
    )
  })

test('IDs may be named, and anything else is none', async t => {
  const line = `spiffe file=${config(`- {host: [web.svc], trust_domain: prod.example, ids: ["spiffe://prod.example/ns/shop/*", "${ID}-2"]}`)}`
  const of = async (uri: string) => (await ask(t, svid(prod, uri), line)).kind
  t.equal(await of(ID), 'accepted')
  t.equal(await of(`${ID}-2`), 'accepted')
  t.equal(await of('spiffe://prod.example/ns/shopping/sa/web'), 'rejected')
  t.equal(await of('spiffe://prod.example/ns/shop'), 'rejected')
  for (const uri of [
    'spiffe://prod.example',
    'https://prod.example/a',
    'spiffe://prod.example:1/a',
    `${ID},URI:${ID}`,
  ])
    t.match(await ask(t, svid(prod, uri)), rejected('spiffe', 'name-mismatch'), uri)
  t.match(
    await ask(t, (await prod.issue({ cn: host })).chainPem),
    rejected('spiffe', 'name-mismatch', 'web.svc shows no SPIFFE ID'),
  )
  for (const id of [
    'spiffe://a/b//c',
    'spiffe://a/../b',
    'spiffe://A/b',
    'spiffe://a/b?c',
    'spiffe://a/b%41',
    'spiffe:///a',
    'spiffe://a/',
  ])
    t.equal(parseSpiffeId(id), undefined, id)
})

test('an SVID has to be a good certificate, too', async t => {
  for (const [extensions, why] of [
    ['basicConstraints=critical,CA:TRUE\nkeyUsage=digitalSignature', /certificate 0 is an authority/],
    ['basicConstraints=CA:FALSE', /has no key usage digitalSignature/],
    ['keyUsage=digitalSignature,keyCertSign', /may sign certificates/],
    [`${GOOD}\nextendedKeyUsage=clientAuth`, /is not for servers/],
    [`${GOOD}\n1.2.3.4=critical,DER:05:00`, /has the extension 1\.2\.3\.4, which is not understood/],
  ] as const)
    t.match(await ask(t, svid(prod, ID, extensions)), untrusted(why), extensions)
  const late = new Date(Date.now() - 1000)
  const path = async (options: Partial<Parameters<typeof makeAuthority>[0]>) => {
    const by = await makeAuthority({ name: 'Odd', parent: prod, ...options })
    return await ask(t, svid(by) + by.chainPem)
  }
  t.match(await path({}), ACCEPTED)
  t.match(await path({ notAfter: late }), untrusted(/certificate 1 has expired/))
  t.match(
    await path({ notBefore: new Date(Date.now() + 3_600_000) }),
    untrusted(/certificate 1 is not valid yet/),
  )
  t.match(await path({ ca: false }), untrusted(/certificate 1 is no authority/))
  t.match(await path({ keyUsage: ['cRLSign'] }), untrusted(/no authority of the bundle/))
  t.match(await path({ keyType: 'rsa-1024' }), untrusted(/certificate 1 has a key of less than 2048 bits/))
  t.match(await path({ hash: 'sha1' }), untrusted(/certificate 1 is signed by 1\.2\.840\.10045\.4\.1/))
  t.match(
    await path({ nameConstraints: { permitted: ['a.example'] } }),
    untrusted(/2\.5\.29\.30, which is not understood/),
  )
  t.match(await path({ parent: between }), untrusted(/certificate 2 allows no such long path/))
  const chain = certificatesOf(svid(prod))
  const roots = [prod.cert] as readonly X509Certificate[]
  t.equal(whyNotSvid(chain, roots), undefined)
  t.match(whyNotSvid(chain, roots, Date.now() + 400 * 86_400_000), /certificate 0 has expired/)
  const undated = certificatesOf(withUnreadableDates(svid(prod)))
  t.match(whyNotSvid(undated, roots), /certificate 0 has a date that cannot be read/)
  const twin = await makeAuthority({ name: 'Prod', serial: '42' })
  t.match(whyNotSvid(chain, [twin.cert]), /no authority of the bundle has issued it/, 'a namesake')
  t.match(whyNotSvid([...chain, ...certificatesOf(twin.certPem)], [twin.cert]), /no authority/)
})

test('what the built-in check finds beyond the unknown authority and the name binds', async t => {
  for (const builtIn of ['X509_V_ERR_CERT_REVOKED', 'X509_V_ERR_CERT_HAS_EXPIRED'] as const)
    t.match(await ask(t, svid(prod), undefined, { builtIn }), rejected('spiffe', builtIn))
  t.match(await ask(t, svid(prod), undefined, { builtIn: 'X509_V_ERR_HOSTNAME_MISMATCH' }), ACCEPTED)
  t.match(
    await ask(t, svid(prod), undefined, { host: 'a.example' }),
    rejected('spiffe', UNKNOWN_ISSUER),
    'another host',
  )
})

test('bundles and the file may be edited while the proxy runs', async t => {
  for (const line of ['spiffe', 'spiffe @isolate=worker']) {
    const file = bundle(test2)
    const kit = await openPlugins(
      t,
      `${line} file=${config('- {host: "*.svc", trust_domain: prod.example}', file)}`,
    )
    const of = async () =>
      await (await kit.park({ host, chain: svid(prod), builtIn: UNKNOWN_ISSUER })).ended()
    t.match(await of(), untrusted(/no authority/))
    writeFileSync(file, test2.certPem + prod.certPem)
    t.match(await of(), ACCEPTED)
    const x5c = prod.certPem.replace(/-----.*-----|\n/g, '')
    writeFileSync(
      file,
      JSON.stringify({
        keys: [
          { use: 'jwt-svid', kid: 'x' },
          { use: 'x509-svid', x5c: [x5c] },
        ],
      }),
    )
    t.match(await of(), ACCEPTED, 'a bundle in JSON')
    for (const text of ['', 'junk', '{"keys": 1}', '{"keys": []}', '{"keys": [{"use": "x509-svid"}]}', '{']) {
      writeFileSync(file, text)
      t.match(await of(), rejected('spiffe', 'internal', 'the bundle of prod.example cannot be used'), text)
    }
  }
})

test('mistakes stop the start, with their place', async t => {
  for (const [hosts, message] of [
    ['- {host: a, trust_domain: dev.example}', /:5: dev\.example is not among the trust_domains/],
    [
      '- {host: a, trust_domain: prod.example, ids: ["spiffe://test.example/a"]}',
      /is not in the trust domain prod\.example/,
    ],
    ['- {host: a, trust_domain: prod.example, ids: ["spiffe://prod.example/a b"]}', /is no SPIFFE ID/],
    ['- {host: "a b", trust_domain: prod.example}', /"a b" is no host/],
    ['- {host: a}', /must have required property 'trust_domain'/],
  ] as const)
    await t.rejects(
      openPlugins(t, `spiffe file=${config(hosts)}`),
      { code: 'PTC_PLUGIN_INIT_FAILED', message },
      hosts,
    )
  await t.rejects(openPlugins(t, `spiffe file=${config('  []', '/no/such.pem')}`), {
    message: /\/no\/such\.pem/,
  })
})

test('an origin that is there, with the engine of the proxy', async t => {
  const [ca, keys] = [await generateKeys(), await generateKeys()]
  const [notBefore, notAfter] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000)]
  const issuer = { name: 'CN=Mesh', key: ca.privateKey, algorithm: ECDSA }
  const root = await issueCertificate(
    { subject: issuer.name, notBefore, notAfter, isAuthority: true, keyUsage: ['keyCertSign'] },
    ca.publicKey,
    issuer,
  )
  const extensions = [new SubjectAlternativeNameExtension([{ type: 'url', value: ID }], true)]
  const request = {
    subject: undefined,
    notBefore,
    notAfter,
    keyUsage: ['digitalSignature'] as const,
    extensions,
  }
  const cert = await issueCertificate(request, keys.publicKey, issuer)
  const server = createServer({ cert, key: privateKeyPem(keys) }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const hosts = '- {host: "*.svc", trust_domain: prod.example}'
  const kit = await openPlugins(t, `spiffe file=${config(hosts, dir.file(`live-${++files}.pem`, root))}`)
  t.match((await kit.connect(address, { host })).outcome, { kind: 'accepted', by: 'plugins' })
  const other = await openPlugins(t, `spiffe file=${ANY}`)
  t.match((await other.connect(address, { host })).outcome, untrusted(/no authority of the bundle/))
})

atEnd(() => dir.remove())
