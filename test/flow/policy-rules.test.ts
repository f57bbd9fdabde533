/**
 * Traffic Server's own tests of verification, retold; each is named. Its page `Could Not Connect` is our 502. Long because
 * it follows a list.
 */
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { reject } from '../../core/api/verdict.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { makeAuthority, makeSelfSigned } from '../kit/pki.js'
import { type Policed, type PolicedOptions, policed } from '../kit/policed.js'

const signer = await makeAuthority({ name: 'Signer' })
const signer2 = await makeAuthority({ name: 'Signer 2' })
const ORIGINS = {
  foo: await signer.issue({ cn: 'foo.com' }),
  bar: await signer.issue({ cn: 'bar.com' }),
  bobFoo: await signer.issue({ cn: 'bob.foo.com' }),
  wild: await signer.issue({ cn: '*.wild.com' }),
  foo2: await signer2.issue({ cn: 'foo.com' }),
  self: await makeSelfSigned({ cn: 'self' }),
}
const HOSTS = [
  ...['foo.com', 'bar.com', 'bad_bar.com', 'bad_foo.com', 'random.com', 'random2.com', 'random3.com'],
  ...['foo.wild.com', 'foo_bar.wild.com', 'bob.bar.com', 'bob.foo.com', 'random.bar.com', 'my.random.com'],
  ...['random4.com', 'a.b.wild.com'],
]
const POLICY = 'proxy.config.ssl.client.verify.server.policy'
const PROPERTIES = 'proxy.config.ssl.client.verify.server.properties'

const stage = (t: Test, options: Partial<PolicedOptions> & { sni?: string }): Promise<Policed> =>
  policed(t, { origins: ORIGINS, hosts: HOSTS, ca: signer.certPem, ...options })

/** Asks and checks: 200, or the page. */
async function expects(
  t: Test,
  { ask }: Policed,
  rows: readonly (readonly [origin: keyof typeof ORIGINS, host: string, status: 200 | 502])[],
): Promise<void> {
  for (const [origin, host, status] of rows) {
    t.equal((await ask(origin, host)).status, status, `${host} at ${origin}: ${status}`)
  }
}

const APPROVE = (event: VerifyServerEvent): void => void event.reenable()

/** A plugin, as an option of the stage. */
function gate(t: Test, answer = APPROVE): { gate: Gate; plugins: string[]; modules: typeof GATE_MODULE } {
  const made = new Gate(answer)
  t.teardown(() => made.stop())
  return { gate: made, plugins: [made.line], modules: GATE_MODULE }
}

// tls_verify
test('PERMISSIVE for all, ENFORCED for some', async t => {
  const it = await stage(t, {
    records: { [POLICY]: 'PERMISSIVE', [PROPERTIES]: 'SIGNATURE' },
    sni: `sni:
- {fqdn: bar.com, verify_server_policy: ENFORCED, verify_server_properties: ALL}
- {fqdn: '*.wild.com', verify_server_policy: ENFORCED, verify_server_properties: ALL}
- {fqdn: bad_bar.com, verify_server_policy: ENFORCED, verify_server_properties: ALL}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['bar', 'bar.com', 200],
    ['bar', 'bad_bar.com', 502],
    ['wild', 'foo.wild.com', 200],
    ['wild', 'foo_bar.wild.com', 200],
  ])
  t.match(it.proxy.output(), 'SNI (bad_bar.com) not in certificate. Action=Terminate')
  t.notMatch(it.proxy.output(), /verification failed/)
  t.equal((await it.ask('wild', 'a.b.wild.com')).status, 502, 'a wildcard stands for one label')
})

// tls_verify2
test('ENFORCED for all, less for some', async t => {
  const it = await stage(t, {
    ...gate(t),
    sni: `sni:
- {fqdn: bar.com, verify_server_policy: PERMISSIVE, verify_server_properties: SIGNATURE}
- {fqdn: bad_bar.com, verify_server_policy: PERMISSIVE, verify_server_properties: SIGNATURE}
- {fqdn: random.com, verify_server_policy: DISABLED}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    // DISABLED leaves the decision to the plugins; Traffic Server would not have asked them.
    ['self', 'random.com', 200],
    ['bar', 'bar.com', 200],
    ['bar', 'bad_bar.com', 200],
    ['self', 'random2.com', 502],
    ['foo', 'bad_foo.com', 502],
  ])
  const log = it.proxy.output()
  t.notMatch(log, /\(random\.com\)/, 'DISABLED says nothing')
  t.notMatch(log, /\(bad_bar\.com\)/, 'SIGNATURE says nothing of names')
  t.match(log, 'Core server certificate verification failed for (random2.com). Action=Terminate')
  t.match(log, 'SNI (bad_foo.com) not in certificate')
})

// tls_verify3
test('the order of rules matters', async t => {
  const it = await stage(t, {
    ...gate(t),
    records: { [POLICY]: 'PERMISSIVE' },
    sni: `sni:
- {fqdn: bob.bar.com, verify_server_policy: ENFORCED, verify_server_properties: ALL}
- {fqdn: '*.foo.com', verify_server_policy: ENFORCED, verify_server_properties: SIGNATURE}
- {fqdn: '*.bar.com', verify_server_policy: DISABLED}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['self', 'my.random.com', 200],
    ['foo', 'bob.bar.com', 502],
    ['foo', 'bob.foo.com', 200],
    ['self', 'random.bar.com', 200],
  ])
  const log = it.proxy.output()
  t.match(log, 'Core server certificate verification failed for (my.random.com). Action=Continue')
  t.match(log, 'SNI (bob.bar.com) not in certificate')
  t.notMatch(log, /\(random\.bar\.com\)/)
})

// tls_verify4
test('a reload changes the policy of new handshakes', async t => {
  const [enforced, permissive] = ['ENFORCED', 'PERMISSIVE'].map(policy => ({
    hosts: HOSTS,
    ca: signer.certPem,
    sni: `sni: [{fqdn: '*.com', verify_server_policy: ${policy}}]`,
  }))
  const it = await stage(t, { sni: enforced?.sni ?? '' })
  t.equal((await it.ask('self', 'random2.com')).status, 502)
  t.match(it.proxy.output(), /\(random2\.com\)\. Action=Terminate/)
  await it.reload(permissive ?? {})
  t.equal((await it.ask('self', 'random3.com')).status, 200)
  t.match(it.proxy.output(), /\(random3\.com\)\. Action=Continue/)
  await it.reload(enforced ?? {})
  t.equal((await it.ask('self', 'random4.com')).status, 502)
  t.match(it.proxy.output(), /\(random4\.com\)\. Action=Terminate/)
  t.equal((await it.ask('self', 'random3.com')).status, 502, 'and no connection of before lives on')
})

// tls_verify_base, tls_verify_override, tls_verify_override_base: what PERMISSIVE tells
test('PERMISSIVE tells what it let through', async t => {
  const it = await stage(t, { records: { [POLICY]: 'PERMISSIVE' } })
  const { status, header } = await it.ask('self', 'random.com')
  t.equal(status, 200)
  const log = it.proxy.output()
  t.match(log, 'SNI (random.com) not in certificate. Action=Continue server=random.com(127.0.0.1)')
  t.match(
    log,
    /\(random\.com\)\. Action=Continue Error=self.signed certificate server=random\.com\(127\.0\.0\.1\) depth=0/,
  )
  t.match(
    header('proxy-status'),
    /^portcullis; details="accepted although by=built-in x509=X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT\/18 depth=0 x509=X509_V_ERR_HOSTNAME_MISMATCH\/62 depth=0 host=random\.com"$/,
    'the response tells the client',
  )
  t.equal((await it.ask('foo', 'foo.com')).header('proxy-status'), undefined, 'who passes needs no excuse')
})

// tls_verify_ca_override
test('each name by its own roots', async t => {
  const it = await stage(t, {
    files: { 'signer.pem': signer.certPem, 'signer2.pem': signer2.certPem },
    sni: `sni:
- {fqdn: foo.com, verify_server_ca: signer.pem, verify_server_properties: SIGNATURE}
- {fqdn: bar.com, verify_server_ca: signer2.pem, verify_server_properties: SIGNATURE}
`,
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200], // case1
    ['foo2', 'foo.com', 502], // badcase1
    ['foo2', 'bar.com', 200], // case2
    ['foo', 'bar.com', 502], // badcase2
  ])
})

// tls_verify_not_pristine, and the sni_policy matrix of tls_verify_override: the name that is checked
test('the name that is announced and the name that is checked', async t => {
  const it = await stage(t, {
    sni: `sni:
- {fqdn: bar.com, verify_server_name: foo.com, client_sni: foo.com}
- {fqdn: random.com, client_sni_policy: '@bar.com'}
- {fqdn: random2.com, client_sni: null, verify_server_properties: SIGNATURE}
`,
  })
  await expects(t, it, [
    ['foo', 'bar.com', 200], // foo-to-bar with the alternative name
    ['bar', 'bar.com', 200], // its own is as good
    ['foo', 'random.com', 502], // announced as another, checked as itself
    ['bar', 'foo.com', 502],
  ])
  t.match(it.proxy.output(), 'SNI (foo.com) not in certificate')
  await it.ask('wild', 'random2.com')
  const names = (word: string): unknown => it.origin(word).handshakes.map(({ sni }) => sni)
  t.same(names('foo'), ['foo.com'], 'the announced name')
  t.same(
    it.origin('bar').handshakes.map(({ sni }) => sni),
    ['foo.com'],
  )
  t.same(names('wild'), [undefined], 'or none')
})

// tls_client_cert, tls_client_cert2, tls_client_cert_override: the right certificate for the right origin
test('the client certificate is that of the rule, in their order', async t => {
  const one = await signer.issue({ cn: 'client one', eku: ['clientAuth'] })
  const two = await signer.issue({ cn: 'client two', eku: ['clientAuth'] })
  const general = await signer.issue({ cn: 'client general', eku: ['clientAuth'] })
  const sni = (first: string): string => `sni:
- {fqdn: bob.foo.com, client_cert: ${first}.pem, client_key: ${first}.key}
- {fqdn: '*.foo.com', client_cert: two.pem}
`
  const conf = {
    hosts: HOSTS,
    ca: signer.certPem,
    clientCertificate: general,
    files: {
      'one.pem': one.certPem,
      'one.key': one.keyPem,
      'two.pem': two.certPem + two.keyPem,
      'two.key': two.keyPem,
    },
    records: { [PROPERTIES]: 'SIGNATURE' } as const,
  }
  const it = await stage(t, {
    ...conf,
    sni: sni('one'),
    tls: { requestCert: true, ca: signer.certPem, rejectUnauthorized: true },
  })
  const shown = async (host: string): Promise<string | undefined> => {
    t.equal((await it.ask('foo', host)).status, 200)
    return it.origin('foo').handshakes.at(-1)?.clientCn
  }
  t.equal(await shown('bob.foo.com'), 'client one')
  t.equal(await shown('foo.com'), 'client general')
  await it.reload({ ...conf, sni: sni('two') })
  t.equal(await shown('bob.foo.com'), 'client two', 'a reload swaps it')
})

// tls_sni_yaml_reload
test('a bad file at a reload leaves the old rules in force', async t => {
  const it = await stage(t, { sni: 'sni: [{fqdn: random.com, verify_server_policy: PERMISSIVE}]' })
  await t.rejects(
    it.reload({ hosts: HOSTS, ca: signer.certPem, sni: 'sni: [{fqdn: a, verify_server_polcy: X}]' }),
    {
      code: 'PTC_RULES_INVALID',
      message: /sni\.yaml:1: unknown key/,
    },
  )
  t.equal((await it.ask('self', 'random.com')).status, 200)
})

// tls_hooks_verify
test('the hook decides where the properties are NONE', async t => {
  const bad = new Set(['random.com', 'bar.com'])
  const it = await stage(t, {
    ...gate(
      t,
      ({ host, reenable }) => void reenable(bad.has(host) ? reject('policy', 'bad host') : undefined),
    ),
    records: { [PROPERTIES]: 'NONE' },
    sni: 'sni: [{fqdn: bar.com, verify_server_policy: PERMISSIVE}]',
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['self', 'random.com', 502],
    // Traffic Server goes on here although the plugin rejected; a rejection is final, and @mode=shadow is for trials.
    ['bar', 'bar.com', 502],
  ])
  const log = it.proxy.output()
  const failed =
    'TS_EVENT_SSL_VERIFY_SERVER plugin failed the origin certificate check for 127.0.0.1.  Action=Terminate'
  t.match(log, `${failed} SNI=random.com`)
  t.match(log, `${failed} SNI=bar.com`)
  t.notMatch(log, 'SNI=foo.com')
})

// tls_reload_under_load
test('reloads under load lose no request', async t => {
  const sni = (policy: string): string => `sni: [{fqdn: foo.com, verify_server_policy: ${policy}}]`
  const it = await stage(t, { sni: sni('ENFORCED') })
  let isOver = false
  const failures: number[] = []
  const load = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const { status } = await it.ask('foo', 'foo.com')
      if (status !== 200) failures.push(status)
    }
  })
  for (const policy of ['PERMISSIVE', 'ENFORCED', 'PERMISSIVE', 'ENFORCED'])
    await it.reload({ hosts: HOSTS, ca: signer.certPem, sni: sni(policy) })
  isOver = true
  await Promise.all(load)
  t.same(failures, [])
  t.ok(it.origin('foo').requests.length > 0, 'there was load')
})
