import { test } from 'tap'
import { OutboundContext } from '../../../../core/tls/openssl/outbound-context.js'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { TrustStore, TrustStores } from '../../../../core/tls/openssl/trust-store.js'
import { makeAuthority } from '../../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })
const other = await makeAuthority({ name: 'Other Root' })
const crls = { pem: 'a list', from: 'crl.pem', isLeafOnly: false }

test('stores are told apart by their content', async t => {
  const stores = new TrustStores()
  const [one, two] = [[root.certPem], [other.certPem]]
  t.equal(stores.of({ anchors: one }), stores.of({ anchors: [...one] }), 'the same texts, the same store')
  t.not(stores.of({ anchors: one }), stores.of({ anchors: two }))
  t.not(stores.of({ anchors: one }), stores.of({ anchors: [...one, ...two] }))
  t.not(
    stores.of({ anchors: one }).memory,
    stores.of({ anchors: two }).memory,
    'what one has found good is nothing to another',
  )
  stores.free()
  t.equal(liveNatives()['X509_STORE'], 0)

  const digests = [
    { anchors: one },
    { anchors: one, crls },
    { anchors: one, crls: { ...crls, isLeafOnly: true } },
    { anchors: one, crls: { ...crls, pem: 'another' } },
    { anchors: [] },
    { anchors: one, isStrict: true },
    { anchors: one, at: 0 },
    { anchors: [one.join('') + two.join('')] },
    { anchors: [...one, ...two] },
  ].map(trust => stores.digestOf(trust))
  t.equal(new Set(digests).size, digests.length, 'lists, their depth and each certificate count')
  t.equal(
    stores.digestOf({ anchors: one, crls: { ...crls, from: 'elsewhere' } }),
    digests[1],
    'the place does not',
  )
  stores.free()
})

test('a store lives as long as a context that uses it', async t => {
  const stores = new TrustStores()
  const options = { anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', alpn: [] } as const
  const context = new OutboundContext(options, stores)
  t.equal(context.memory, stores.of(options).memory)
  stores.free()
  stores.free()
  context.free()
  t.match(liveNatives(), { SSL_CTX: 0, X509_STORE: 0, X509: 0 })
})

test('what OpenSSL does not accept is named, and nothing is left of it', async t => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  t.throws(() => new TrustStore({ anchors: [root.certPem, broken] }), {
    code: 'PTC_TLS_CONTEXT',
    message: /^trust anchor 2: /,
  })
  t.throws(() => new TrustStores().of({ anchors: [], crls }), {
    code: 'PTC_CRL_UNUSABLE',
    message: /no PEM revocation list in crl\.pem/,
  })
  t.match(liveNatives(), { X509_STORE: 0, X509: 0 })
})
