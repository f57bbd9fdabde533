import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { test } from 'tap'
import { makeChain } from '../../core/testing/kit.js'
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, openSamples, rejected } from './kit.js'

function pinOf(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

test('spki_pin', async t => {
  const chain = await makeChain({ names: ['pay.example'] }, { subject: '/CN=Issuer' })
  const [leaf = '', issuer = ''] = chain.split(/(?<=-----END CERTIFICATE-----\n)/)
  const host = 'pay.example'

  t.test('accepts a pinned key, of the leaf or of an issuer', async t => {
    for (const pem of [leaf, issuer]) {
      const kit = await openSamples(t, `spki_pin.so hosts=Pay.example pins=${pinOf(pem)}`)
      t.strictSame((await kit.park({ host, chain })).outcome, ACCEPTED)
    }
  })

  t.test('rejects any other for its hosts, and for no other', async t => {
    const kit = await openSamples(t, `spki_pin.so hosts=${host} pins=${pinOf(leaf)}`)
    const stranger = await makeChain({ names: [host] })
    const { outcome } = await kit.park({ host, chain: stranger })
    t.match(outcome, rejected('spki_pin', 'untrusted-issuer', 'pay.example shows none of its pinned keys'))
    t.strictSame((await kit.park({ host: 'other.example', chain: stranger })).outcome, ACCEPTED)
  })

  t.test('overrules nothing', async t => {
    const kit = await openSamples(t, `spki_pin.so hosts=${host} pins=${pinOf(leaf)}`)
    const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
    t.match((await kit.park({ host, chain, builtIn })).outcome, rejected('spki_pin', builtIn))
  })

  t.test('takes no options but its own', async t => {
    const cases: [string, RegExp][] = [
      ['hosts=a', /^plugin\.config:1: plugin spki_pin: option pins is missing$/],
      ['hosts=a pins=short', /option pins=short must match pattern/],
      [`hosts= pins=${pinOf(leaf)}`, /option hosts= must NOT have fewer than 1 items/],
      [`host=a pins=${pinOf(leaf)}`, /unknown option "host"; did you mean hosts\?/],
    ]
    for (const [options, message] of cases) {
      const opening = openSamples(t, `spki_pin.so ${options}`)
      await t.rejects(opening, { code: 'PTC_PLUGIN_CONFIG_INVALID', message }, options)
    }
  })
})

test('a pinned issuer whose signature is not its own does not count, in the sample and in the plugin', async t => {
  const pinned = await makeAuthority({ name: 'Pinned' })
  const namesake = await makeAuthority({ name: 'Pinned', serial: '42' })
  const { certPem, keyPem } = await namesake.issue({ cn: 'pay.example', withoutIds: true })
  const server = createServer({ cert: certPem + pinned.certPem, key: keyPem }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const records = { 'proxy.config.ssl.client.verify.server.properties': 'NAME' } as const
  const pin = pinOf(pinned.certPem)
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = dir.file('pins.yaml', `pins: [{host: pay.example, spki: ["${pin}"]}]`)
  for (const kit of [
    await openSamples(t, `spki_pin.so hosts=pay.example pins=${pin}`, { records }),
    await openPlugins(t, `pins file=${file}`, { records }),
  ]) {
    const { outcome } = await kit.connect(address, { host: 'pay.example' })
    t.match(outcome, { kind: 'rejected', by: 'plugin', reason: 'untrusted-issuer' })
  }
})
