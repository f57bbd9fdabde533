import { type Test, test } from 'tap'
import { parseRules, type Rule } from '../../../../../core/config/rules.js'
import { OutboundContexts } from '../../../../../core/program/wiring/outbound/contexts.js'
import { readSettings } from '../../../../../core/settings/settings.js'
import { liveNatives } from '../../../../../core/tls/openssl/owned.js'
import { makeAuthority } from '../../../../kit/pki.js'
import { revocationList } from '../../../../kit/pki-openssl.js'
import { makeConfDir } from '../../../../kit/proxy.js'

const root = await makeAuthority({ name: 'Root' })
const other = await makeAuthority({ name: 'Other Root' })
const RULES = 1000

function setUp(t: Test, files: Readonly<Record<string, string>>): OutboundContexts {
  const dir = makeConfDir({ ca: root.certPem, files })
  t.teardown(dir.remove)
  const contexts = new OutboundContexts(readSettings({ confDir: dir.path, env: {} }).outboundTls)
  t.teardown(() => contexts.free())
  return contexts
}

const rules = (keys: (index: number) => string, count = RULES): readonly Rule[] =>
  parseRules(
    `sni:\n${Array.from({ length: count }, (_, i) => `- {fqdn: h${i}, ${keys(i)}}\n`).join('')}`,
    's',
  )

test('contexts shared by several rules are made once', async t => {
  const { certPem, keyPem } = await root.issue({ cn: 'the proxy', eku: ['clientAuth'] })
  const own = Object.fromEntries(
    Array.from({ length: RULES }, (_, i) => [`c${i}.pem`, `${certPem}${keyPem}# ${i}\n`]),
  )
  const contexts = setUp(t, { 'ca.pem': root.certPem, 'other.pem': other.certPem, ...own })
  t.match(liveNatives(), { SSL_CTX: 1, X509_STORE: 1 })

  const same = new Set(rules(() => 'verify_server_ca: ca.pem').map(rule => contexts.for(rule)))
  t.strictSame([...same], [contexts.general], 'a thousand rules that trust the same have one context')
  t.match(liveNatives(), { SSL_CTX: 1, X509_STORE: 1 })

  for (const rule of rules(i => `client_cert: c${i}.pem`)) contexts.for(rule)
  t.match(liveNatives(), { SSL_CTX: 1001, X509_STORE: 1 }, 'and those that differ otherwise one trust store')

  const [stranger] = rules(() => 'verify_server_ca: other.pem', 1)
  if (stranger !== undefined) t.not(contexts.for(stranger).digest, contexts.general.digest)
  t.match(liveNatives(), { SSL_CTX: 1002, X509_STORE: 2 }, 'who trusts others has another')
  contexts.free()
  contexts.free()
  t.match(liveNatives(), { SSL_CTX: 0, X509_STORE: 0, X509: 0 }, 'and all of it is freed, once')
})

test('an unusable file is reported with the place of its rule, every time', async t => {
  const contexts = setUp(t, {
    'empty.pem': 'nothing',
    'bad.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'other.pem': '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n', // DER, and no certificate
  })
  const files = ['empty', 'empty', 'other', 'bad']
  const [first, second, third, fourth] = rules(i => `verify_server_ca: ${files[i]}.pem`, 4)
  for (const [rule, line] of [
    [first, 2],
    [second, 3],
  ] as const)
    t.throws(() => rule && contexts.for(rule), {
      code: 'PTC_TLS_CONTEXT',
      message: new RegExp(`^s:${line}: verify_server_ca: no PEM certificate in .*empty\\.pem$`),
    })
  t.throws(() => third && contexts.for(third), { code: 'PTC_TLS_CONTEXT', message: /^s:4: trust anchor 1: / })
  t.throws(() => fourth && contexts.for(fourth), {
    code: 'PTC_TLS_CONTEXT',
    message: /^s:5: verify_server_ca: .*bad\.pem: certificate 1 is not one DER certificate/,
  })
  t.match(liveNatives(), { SSL_CTX: 1, X509_STORE: 1, X509: 0 }, 'nothing is left of it')
})

test('a bundle with a bad revocation list is refused with its rule, file and place; a good one ends', async t => {
  const good = revocationList(root, [])
  const ended = revocationList(other, [], { thisUpdate: hours(-2), nextUpdate: hours(-1) })
  const contexts = setUp(t, { 'good.pem': good, 'bundle.pem': good + ended })
  const [use, bad] = rules(i => `verify_server_crl: ${i === 0 ? 'good' : 'bundle'}.pem`, 2)
  t.throws(() => bad && contexts.for(bad), {
    code: 'PTC_CRL_UNUSABLE',
    message: /^s:3: revocation list 2 of \S+bundle\.pem, line \d+, of \S* ?\S*\/CN=Other Root: it ended on /,
  })
  const endsAt = use && contexts.for(use).context.endsAt
  t.ok(endsAt !== undefined && endsAt > Date.now() && endsAt <= hours(25).getTime(), 'acceptances know when')
  t.equal(contexts.general.context.endsAt, undefined)
})

const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000)
