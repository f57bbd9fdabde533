import { type Test, test } from 'tap'
import type { Kit, Origin } from '../../core/testing/kit.js'
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openSamples, rejected } from './kit.js'

const HOST = 'www.internal.example'
const UNKNOWN = 'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
const root = await makeAuthority({ name: 'Own Root' })
const below = await makeAuthority({ name: 'Own Issuer', parent: root })

async function open(t: Test, ca = root.certPem): Promise<Kit> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  return await openSamples(t, `private_issuer.so ca=${dir.file('ca.pem', ca)} hosts=internal.example`)
}

const ask = async (kit: Kit, chain: string, more: Partial<Origin> = {}) =>
  (await kit.park({ host: HOST, builtIn: UNKNOWN, chain, ...more })).outcome

test('private_issuer accepts what its authority has issued, itself or through another', async t => {
  const kit = await open(t)
  t.strictSame(await ask(kit, (await root.issue({ cn: HOST })).chainPem), ACCEPTED)
  t.match(kit.log, [
    /^NOTE \[private_issuer\] www\.internal\.example is accepted: \/CN=www\.internal\.example is issued/,
  ])
  t.strictSame(await ask(kit, (await below.issue({ cn: HOST })).chainPem), ACCEPTED)
  t.strictSame(
    await ask(kit, (await root.issue({ cn: HOST })).chainPem, { host: 'internal.example' }),
    ACCEPTED,
  )
  t.strictSame(await ask(kit, (await root.issue({ cn: HOST })).chainPem, { builtIn: 'X509_V_OK' }), ACCEPTED)
})

test('private_issuer overrules nothing else', async t => {
  const kit = await open(t)
  const { chainPem } = await below.issue({ cn: HOST })
  const refused = rejected('private_issuer', UNKNOWN)

  t.match(await ask(kit, chainPem, { host: 'internal.example.com' }), refused, 'another host')
  t.match(await ask(kit, chainPem, { host: 'notinternal.example' }), refused, 'a host that ends alike')
  for (const builtIn of [
    'X509_V_ERR_CERT_HAS_EXPIRED',
    'X509_V_ERR_HOSTNAME_MISMATCH',
    'X509_V_ERR_CERT_REVOKED',
  ] as const)
    t.match(await ask(kit, chainPem, { builtIn }), rejected('private_issuer', builtIn), builtIn)

  const namesake = await makeAuthority({ name: 'Own Root', serial: '07' })
  t.match(
    await ask(kit, (await namesake.issue({ cn: HOST })).chainPem),
    refused,
    'an issuer of the same name',
  )
  const [leaf = '', issuer = ''] = chainPem.split(/(?<=-----END CERTIFICATE-----\n)/)
  t.match(await ask(kit, leaf), refused, 'an issuer is left out')
  t.match(await ask(kit, (await namesake.issue({ cn: HOST })).certPem + issuer), refused, 'one is put in')
  const noIssuer = await makeAuthority({ name: 'No Issuer', parent: root, ca: false })
  t.match(
    await ask(kit, (await noIssuer.issue({ cn: HOST })).chainPem),
    refused,
    'an issuer that must not be one',
  )
  const past = { notBefore: new Date(1_000_000_000_000), notAfter: new Date(1_100_000_000_000) }
  t.match(await ask(kit, (await root.issue({ cn: HOST, ...past })).chainPem), refused, 'a leaf of the past')
  const old = await makeAuthority({ name: 'Old Issuer', parent: root, ...past })
  t.match(await ask(kit, (await old.issue({ cn: HOST })).chainPem), refused, 'an issuer of the past')
})

test('private_issuer does not start without authorities', async t => {
  await t.rejects(open(t, 'nothing here'), { code: 'PTC_PLUGIN_INIT_FAILED', message: /no certificate in/ })
  const opening = openSamples(t, 'private_issuer.so ca=/gone.pem hosts=a')
  await t.rejects(opening, { code: 'PTC_PLUGIN_INIT_FAILED', message: /\/gone\.pem/ })
})
