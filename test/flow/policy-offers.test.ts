/** What the proxy offers to origins, by the records and by rule: Traffic Server's tests, retold; each is named. */
import { type Test, test } from 'tap'
import type { NodeOrigin } from '../kit/node-origin.js'
import { BASE, expects, ORIGINS, signer, stage } from './policy-stage.js'

const ALPN = 'proxy.config.ssl.client.alpn_protocols'
const { foo } = ORIGINS

/** What each of the origin's handshakes agreed on. */
const agreed = (origin: NodeOrigin, what: 'alpn' | 'protocol'): unknown =>
  origin.handshakes.map(handshake => handshake[what])

// tls_client_alpn_configuration
test('the protocols of the record are offered by ALPN', async t => {
  const offered = async (t: Test, record: 'http/1.1' | null, keys = ''): Promise<unknown> => {
    const it = await stage(t, {
      origins: { foo },
      records: { [ALPN]: record },
      sni: `sni: [{fqdn: foo.com${keys}}]`,
    })
    await expects(t, it, [['foo', 'foo.com', 200]])
    return agreed(it.origin('foo'), 'alpn')
  }
  t.same(await offered(t, null), [undefined], 'none unless it is asked for')
  t.same(await offered(t, 'http/1.1'), ['http/1.1'])
  // Traffic Server's conf_remap, whose word is the last, is a key of a rule here.
  t.same(await offered(t, 'http/1.1', ', client_alpn: []'), [undefined])
  t.same(await offered(t, null, ', client_alpn: [http/1.1]'), ['http/1.1'])
})

test('a protocol that the proxy cannot speak is not offered', async t => {
  // Traffic Server logs an error and offers nothing.
  for (const wrong of ['not_a_protocol', 'h2', 'http/1.1,h2', 'http/1.1,http/1.0']) {
    await t.rejects(
      stage(t, { recordLines: [`CONFIG ${ALPN} STRING ${wrong}`], origins: { foo } }),
      { code: 'PTC_RECORDS_INVALID', message: /records\.config:1: .*alpn_protocols/ },
      wrong,
    )
    await t.rejects(
      stage(t, { sni: `sni:\n- fqdn: foo.com\n  client_alpn: ['${wrong}']\n`, origins: { foo } }),
      { code: 'PTC_RULES_INVALID', message: /sni\.yaml:3: sni\[0\]\.client_alpn/ },
      wrong,
    )
  }
})

test('an origin that wants another protocol is named in the answer and the log', async t => {
  const it = await stage(t, {
    origins: { foo: { ...foo, tls: { ALPNProtocols: ['h2'] } } },
    sni: 'sni: [{fqdn: foo.com, client_alpn: [http/1.1]}, {fqdn: random.com, verify_server_name: foo.com}]',
  })
  const { status, body } = await it.ask('foo', 'foo.com')
  t.equal(status, 502)
  t.match(body.toString(), /no.application.protocol/i)
  await expects(t, it, [['foo', 'random.com', 200]])
})

// tls_client_versions_minmax: there it is about clients; those keys are refused here, and ours are about origins
test('records set the lowest and the highest TLS version', async t => {
  for (const key of [
    'valid_tls_versions_in: [TLSv1_2]',
    'valid_tls_version_min_in: TLSv1',
    'valid_tls_version_max_in: TLSv1_1',
  ])
    await t.rejects(
      stage(t, { sni: `sni:\n- fqdn: foo.com\n  ${key}\n`, origins: { foo } }),
      { code: 'PTC_RULES_INVALID', message: /sni\.yaml:3: "valid_\w+" is about the TLS of clients/ },
      key,
    )
  const only = (version: 'TLSv1.2' | 'TLSv1.3') => ({
    ...{ chainPem: both.chainPem, keyPem: both.keyPem },
    tls: { minVersion: version, maxVersion: version },
  })
  const both = await signer.issue({
    cn: 'foo.com',
    sans: ['foo.com', 'bar.com', 'random.com', 'bob.foo.com'],
  })
  const origins = { old: only('TLSv1.2'), new: only('TLSv1.3'), both }
  const sni = `sni:
- {fqdn: foo.com, client_tls_version_max: TLSv1_2}
- {fqdn: bar.com, client_tls_version_min: TLSv1_3}
- {fqdn: bob.foo.com, client_tls_version_min: TLSv1_2, client_tls_version_max: TLSv1_3}
`
  const it = await stage(t, { origins, sni })
  await expects<keyof typeof origins>(t, it, [
    ['old', 'foo.com', 200],
    ['new', 'foo.com', 502],
    ['both', 'foo.com', 200],
    ['old', 'bar.com', 502],
    ['new', 'bar.com', 200],
    ['both', 'bar.com', 200],
    ['old', 'bob.foo.com', 200],
    ['new', 'bob.foo.com', 200],
    ['both', 'random.com', 200], // without a rule the newest
  ])
  t.same(agreed(it.origin('both'), 'protocol'), ['TLSv1.2', 'TLSv1.3', 'TLSv1.3'])
  t.same(agreed(it.origin('old'), 'protocol'), ['TLSv1.2', 'TLSv1.2'])
  t.same(it.origin('old').failures.length + it.origin('new').failures.length, 2)
  t.match((await it.ask('new', 'foo.com')).body.toString(), /protocol.version/i, 'the page says why')

  // As there, the range of a rule is worth more than what the records switch off.
  await it.reload({ ...BASE, sni, records: { 'proxy.config.ssl.client.TLSv1_2': 0 } })
  await expects<keyof typeof origins>(t, it, [
    ['old', 'foo.com', 200],
    ['old', 'random.com', 502],
    ['new', 'random.com', 200],
  ])
})
