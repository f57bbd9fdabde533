/** What decides under which records: the built-in check, the plugins, or nothing. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import type { Records } from '../../core/config/records-table.js'
import { get } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority, makeSelfSigned } from '../kit/pki.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'

const HOST = 'judged.test'
const VERIFY = 'proxy.config.ssl.client.verify.server'

const root = await makeAuthority({ name: 'Root' })
const HOUR = 3_600_000
const CERTIFICATES = {
  good: await root.issue({ cn: HOST }),
  'self-signed': await makeSelfSigned({ cn: HOST }),
  'wrong name': await root.issue({ cn: 'other.test' }),
  expired: await root.issue({
    cn: HOST,
    notBefore: new Date(Date.now() - 2 * HOUR),
    notAfter: new Date(Date.now() - HOUR),
  }),
} as const
type Certificate = keyof typeof CERTIFICATES

/** What the built-in check says about them, and the alert that belongs to it. */
const WRONG: Record<Exclude<Certificate, 'good'>, readonly [name: string, alert: string]> = {
  'self-signed': ['X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT', 'UNKNOWN_CA'],
  'wrong name': ['X509_V_ERR_HOSTNAME_MISMATCH', 'BAD_CERTIFICATE'],
  expired: ['X509_V_ERR_CERT_HAS_EXPIRED', 'CERTIFICATE_EXPIRED'],
}
const BAD = Object.keys(WRONG) as (keyof typeof WRONG)[]

type Settings = { readonly [N in keyof Records]?: Records[N] }

interface Stage {
  readonly proxy: ProxyHere
  ask(which: Certificate): ReturnType<typeof get>
  origin(which: Certificate): NodeOrigin
}

async function setUp(t: Test, records: Settings, gate?: Gate): Promise<Stage> {
  const origins = new Map<Certificate, NodeOrigin>()
  for (const [name, issued] of Object.entries(CERTIFICATES)) {
    const origin = await nodeOrigin({ tls: issued })
    t.teardown(origin.stop)
    origins.set(name as Certificate, origin)
  }
  if (gate !== undefined) t.teardown(() => gate.stop())
  const proxy = await startProxyHere({
    records,
    plugins: gate === undefined ? [] : [gate.line],
    modules: GATE_MODULE,
    hosts: [HOST],
    ca: root.certPem,
  })
  t.teardown(proxy.stop)
  const origin = (which: Certificate): NodeOrigin => {
    const found = origins.get(which)
    if (found === undefined) throw new Error(`no origin ${which}`)
    return found
  }
  return { proxy, origin, ask: which => get(proxy.port, `https://${HOST}:${origin(which).port}/`) }
}

const approve = (): Gate => new Gate(({ reenable }) => void reenable())

for (const [title, records] of [
  ['without a plugin', {}],
  ['with verify.server 1', { [VERIFY]: 1 }],
] as const) {
  test(`${title} the built-in check decides`, async t => {
    const gate = title === 'without a plugin' ? undefined : approve()
    const { proxy, ask, origin } = await setUp(t, records, gate)
    t.equal((await ask('good')).status, 200)
    for (const which of BAD) {
      const [name, alert] = WRONG[which]
      const { status, body } = await ask(which)
      t.equal(status, 502, `${which} is refused`)
      t.match(body.toString(), /rejected by the built-in check/)
      t.match(body.toString(), name)
      const { failures, until, requests } = origin(which)
      t.match(
        await until(() => failures[0], 'the alert'),
        alert,
        'the origin has the alert that belongs to it',
      )
      t.equal(requests.length, 0)
    }
    t.match(
      proxy.output(),
      /Core server certificate verification failed for \(judged\.test\)\. Action=Terminate/,
    )
    if (gate === undefined)
      t.match(proxy.output(), /WARNING: no plugin is on .*: the built-in check alone decides/)
    else t.equal(gate.asked.length, 0, 'no plugin is asked')
  })
}

test('PERMISSIVE without a plugin verifies nothing, and says so', async t => {
  const { proxy, ask } = await setUp(t, {
    'proxy.config.ssl.client.verify.server.policy': 'PERMISSIVE',
    'proxy.config.log.logging_enabled': 3,
    'proxy.config.log.filename': 'stdout',
    'proxy.config.log.format': 'json',
  })
  t.match(proxy.output(), /WARNING: .*NOTHING IS VERIFIED/, 'the start says so')
  t.notMatch(proxy.output(), /alone decides/)
  for (const which of ['good', ...BAD] as const) t.equal((await ask(which)).status, 200, `${which} is served`)
  await proxy.until(/"verdict":"unverified","by":"nobody"/)
  t.notMatch(proxy.output(), /"verdict":"accepted"/)
})

test('with verify.server 0 no plugin is asked and no check is made', async t => {
  const gate = new Gate(({ reenable }) => void reenable(reject('policy')))
  const { proxy, ask } = await setUp(t, { [VERIFY]: 0 }, gate)
  t.match(proxy.output(), /WARNING: .* is 0: origins are NOT verified/, 'the start says so')
  for (const which of ['good', ...BAD] as const) t.equal((await ask(which)).status, 200, `${which} is served`)
  t.equal(gate.asked.length, 0, 'no plugin is asked')
})

test('a plugin does not see what the built-in check has refused', async t => {
  const gate = approve()
  const { ask } = await setUp(t, {}, gate)
  for (const which of BAD) t.equal((await ask(which)).status, 502, which)
  t.equal(gate.asked.length, 0)
})

test('with override 1 a plugin sees it, and may overrule', async t => {
  const gate = new Gate(
    ({ builtIn, reenable }) =>
      void reenable(builtIn.name === 'X509_V_ERR_CERT_HAS_EXPIRED' ? undefined : reject('policy')),
  )
  const { proxy, ask } = await setUp(t, { [`${VERIFY}.override`]: 1 }, gate)
  t.equal((await ask('expired')).status, 200)
  t.match(proxy.output(), /Action=Continue Error=certificate has expired/, 'which the log tells')
  const { status, body } = await ask('wrong name')
  t.equal(status, 502)
  t.match(body.toString(), /rejected by plugin gate/)
  t.same(
    gate.asked.map(({ builtIn }) => builtIn.name),
    ['X509_V_ERR_CERT_HAS_EXPIRED', 'X509_V_ERR_HOSTNAME_MISMATCH'],
  )
})

test('with policy DISABLED the plugins alone decide', async t => {
  const gate = approve()
  const { ask } = await setUp(t, { [`${VERIFY}.policy`]: 'DISABLED' }, gate)
  for (const which of ['good', ...BAD] as const) t.equal((await ask(which)).status, 200, which)
  t.equal(gate.asked.length, 4)
})

test('with policy DISABLED and no plugin every handshake is rejected', async t => {
  const { proxy, ask, origin } = await setUp(t, { [`${VERIFY}.policy`]: 'DISABLED' })
  t.match(proxy.output(), /WARNING: .* the built-in check is off: every https origin is rejected/)
  const { status, body } = await ask('good')
  t.equal(status, 502)
  t.match(body.toString(), /rejected by the configuration, which leaves nobody to accept it/)
  const { failures, until } = origin('good')
  t.match(await until(() => failures[0], 'the alert'), 'INTERNAL_ERROR')
})

test('properties say how much of the built-in check counts', async t => {
  for (const [properties, served] of [
    ['SIGNATURE', ['good', 'wrong name']],
    ['NAME', ['good', 'self-signed', 'expired']],
    ['NONE', ['good', ...BAD]],
  ] as const) {
    const { ask } = await setUp(t, { [`${VERIFY}.properties`]: properties }, approve())
    const found: string[] = []
    for (const which of ['good', ...BAD] as const) if ((await ask(which)).status === 200) found.push(which)
    t.same(found.sort(), [...served].sort(), properties)
  }
})

test('no handshake is left when all proxies have stopped', async t => {
  t.equal(liveHandshakes(), 0, 'nothing native is left')
})
