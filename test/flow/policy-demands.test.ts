/** What a rule can demand beyond the records: pins, alternative names, key sizes, revocation lists, and the rest. */

import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { type Issued, makeAuthority } from '../kit/pki.js'
import { revocationList } from '../kit/pki-openssl.js'
import { type Policed, policed } from '../kit/policed.js'

const HOST = 'demand.test'
const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const rsa = await root.issue({ cn: HOST, keyType: 'rsa-2048' })
const ec = await root.issue({ cn: HOST, sans: [HOST, 'svc.internal.test', '10.0.0.7'] })
const below = await middle.issue({ cn: HOST })
const renewed = await root.issue({ cn: HOST, serial: '0102' })

const hex = ({ cert }: Issued): string => cert.fingerprint256
const spki = ({ cert }: Issued): string =>
  createHash('sha256')
    .update(cert.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')

function stage(t: Test, keys: string, files: Record<string, string> = {}): Promise<Policed> {
  return policed(t, {
    hosts: [HOST],
    ca: root.certPem,
    origins: { rsa, ec, below, renewed },
    files,
    sni: `sni:\n- fqdn: ${HOST}\n${keys.replace(/^/gm, '  ')}`,
  })
}

async function expects(
  t: Test,
  it: Policed,
  rows: Readonly<Partial<Record<'rsa' | 'ec' | 'below' | 'renewed', string | 200>>>,
): Promise<void> {
  for (const [word, wanted] of Object.entries(rows)) {
    const { status, body } = await it.ask(word, HOST)
    t.equal(status, wanted === 200 ? 200 : 502, word)
    if (wanted !== 200) t.match(body.toString(), wanted)
  }
}

test('a rule can pin the keys of an origin', async t => {
  const REJECTED = 'X509_V_ERR_CERT_REJECTED 28'
  await expects(t, await stage(t, `verify_server_spki: ['${spki(ec)}']`), { ec: 200, renewed: REJECTED })
  await expects(t, await stage(t, `verify_server_cert_sha256: ['${hex(ec)}']`), {
    ec: 200,
    renewed: REJECTED,
  })
  const both = `verify_server_cert_sha256: ['${hex(rsa).replaceAll(':', '').toLowerCase()}']
verify_server_spki: ['${spki(ec)}']`
  await expects(t, await stage(t, both), { rsa: 200, ec: 200, renewed: REJECTED })
  const ofIssuer = await stage(t, `verify_server_spki: ['${spki(middle)}']\nverify_server_properties: NONE`)
  await expects(t, ofIssuer, { below: REJECTED })
  t.match(
    ofIssuer.proxy.output(),
    /the leaf is none of those pinned: its key is/,
    'says what it would have to be',
  )
})

test('a rule can demand alternative names', async t => {
  const MISMATCH = /X509_V_ERR_HOSTNAME_MISMATCH 62.*no alternative name is/
  const is = (matcher: string): Promise<Policed> => stage(t, `verify_server_san: [${matcher}]`)
  for (const matcher of [
    '{type: dns, exact: SVC.internal.test}',
    '{type: dns, prefix: svc.}',
    '{type: dns, suffix: .internal.test}',
    "{type: dns, regex: 'svc\\.[a-z]+\\.test'}",
    '{type: ip, exact: 10.0.0.7}',
    '{type: uri, exact: spiffe://a}, {type: dns, exact: svc.internal.test}',
  ])
    await expects(t, await is(matcher), { ec: 200 })
  for (const matcher of [
    '{type: dns, exact: internal.test}',
    "{type: dns, regex: 'internal'}",
    '{type: dns, suffix: 10.0.0.7}',
    '{type: ip, exact: 10.0.0.8}',
    '{type: email, suffix: test}',
  ])
    t.match((await (await is(matcher)).ask('ec', HOST)).body.toString(), MISMATCH, matcher)
})

test('a rule can demand sizes of keys', async t => {
  const it = await stage(t, 'verify_server_min_rsa_bits: 3072\nverify_server_min_ec_bits: 256')
  await expects(t, it, { rsa: 'X509_V_ERR_EE_KEY_TOO_SMALL 66', ec: 200 })
  const both = await stage(t, 'verify_server_min_ec_bits: 384')
  await expects(t, both, { ec: /EE_KEY_TOO_SMALL/.source, rsa: 'X509_V_ERR_CA_KEY_TOO_SMALL 67' })
})

test('under PERMISSIVE a missed demand is logged and does not bind', async t => {
  const it = await stage(t, `verify_server_policy: PERMISSIVE\nverify_server_spki: ['${spki(ec)}']`)
  const { status, header } = await it.ask('renewed', HOST)
  t.equal(status, 200)
  t.match(header('proxy-status'), 'x509=X509_V_ERR_CERT_REJECTED/28 depth=0')
})

test('a static revocation list rejects the certificates on it', async t => {
  const REVOKED = 'X509_V_ERR_CERT_REVOKED 23'
  const files = { 'crl.pem': revocationList(root, [renewed]) }
  const it = await stage(t, 'verify_server_crl: crl.pem', files)
  await expects(t, it, { ec: 200, renewed: REVOKED, below: 'X509_V_ERR_UNABLE_TO_GET_CRL 3' })
  t.match(await it.origin('renewed').until(() => it.origin('renewed').failures[0], 'the alert'), 'REVOKED')
  const chain = { 'crl.pem': files['crl.pem'] + revocationList(middle, []) }
  await expects(t, await stage(t, 'verify_server_crl: crl.pem', chain), { below: 200 })
  const key = 'authorityKeyIdentifier=keyid'
  const delta = revocationList(root, [], { extensions: `${key}\n2.5.29.27=critical,ASN1:INTEGER:1` })
  await t.rejects(stage(t, 'verify_server_crl: crl.pem', { 'crl.pem': files['crl.pem'] + delta }), {
    code: 'PTC_CRL_UNUSABLE',
    message: /sni\.yaml:2: revocation list 2 of \S+crl\.pem, line \d+, of .*: it is a delta list/,
  })
  await t.rejects(stage(t, 'verify_server_crl: crl.pem', { 'crl.pem': 'x' }), {
    code: 'PTC_CRL_UNUSABLE',
    message: /sni\.yaml:2: no PEM revocation list/,
  })
})

test('a rule can set versions, suites, groups and ALPN', async t => {
  const of = async (keys: string): Promise<string | null | undefined> => {
    const it = await stage(t, keys)
    t.equal((await it.ask('ec', HOST)).status, 200, keys)
    const { protocol, alpn } = it.origin('ec').handshakes[0] ?? {}
    return `${protocol} ${alpn}`
  }
  t.equal(await of('client_tls_version_max: TLSv1_2'), 'TLSv1.2 undefined')
  t.equal(await of('client_tls_version_min: TLSv1_3\nclient_alpn: [http/1.1]'), 'TLSv1.3 http/1.1')
  t.equal(
    await of('client_groups_list: P-384\nclient_TLSv1_3_cipher_suites: TLS_AES_128_GCM_SHA256'),
    'TLSv1.3 undefined',
  )
  for (const [keys, wrong] of [
    ['client_groups_list: X25519:nonsense', /sni\.yaml:2: groups list "X25519:nonsense"/],
    ['client_cipher_suite: nonsense', /sni\.yaml:2: cipher list "nonsense"/],
    ['client_cert: missing.pem', /sni\.yaml:2: client_cert: cannot read \S+missing\.pem/],
    ['verify_server_ca: missing.pem', /sni\.yaml:2: verify_server_ca: cannot read \S+missing\.pem/],
  ] as const)
    await t.rejects(stage(t, keys), { code: 'PTC_TLS_CONTEXT', message: wrong }, keys)
})

test('the digest of a connection is in the log', async t => {
  const it = await policed(t, {
    ...{ hosts: [HOST], ca: root.certPem, origins: { rsa } },
    sni: `sni: [{fqdn: ${HOST}, client_groups_list: P-384, client_TLSv1_3_cipher_suites: TLS_AES_128_GCM_SHA256}]`,
    records: { 'proxy.config.diags.debug.enabled': 1, 'proxy.config.diags.debug.tags': 'ssl' },
  })
  await it.ask('rsa', HOST)
  const sha256 = hex(rsa).replaceAll(':', '').toLowerCase()
  const line = `goes on, TLSv1.3 TLS_AES_128_GCM_SHA256 secp384r1, serial ${rsa.cert.serialNumber}, SHA-256 ${sha256}`
  t.match(it.proxy.output(), line)
})

test('with verify.async 0 a plugin that does not answer at once has rejected', async t => {
  let isLate = false
  const gate = new Gate(({ reenable }) => void (isLate ? setTimeout(reenable, 10) : reenable()))
  t.teardown(() => gate.stop())
  const it = await policed(t, {
    ...{ hosts: [HOST], ca: root.certPem, origins: { ec }, plugins: [gate.line], modules: GATE_MODULE },
    records: { 'proxy.config.ssl.client.verify.async': 0, 'proxy.config.http.origin_max_idle': 0 },
  })
  t.equal((await it.ask('ec', HOST)).status, 200)
  isLate = true
  const { status, body } = await it.ask('ec', HOST)
  t.equal(status, 502)
  t.match(body.toString(), /plugin gate, which failed .*it returned without an answer/)
})

test('the key log has the secrets of every session', async t => {
  const it = await policed(t, {
    ...{ hosts: [HOST], ca: root.certPem, origins: { ec } },
    records: { 'proxy.config.ssl.keylog_file': 'keys.log' },
  })
  t.match(it.proxy.output(), /WARNING: proxy\.config\.ssl\.keylog_file is set: WHOEVER READS keys\.log/)
  t.equal((await it.ask('ec', HOST)).status, 200)
  const file = join(it.proxy.conf.path, 'keys.log')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const text = readFileSync(file, 'utf8')
  for (const label of ['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_TRAFFIC_SECRET_0'])
    t.match(text, new RegExp(`^${label} [0-9a-f]{64} [0-9a-f]{64,96}$`, 'm'))
})
