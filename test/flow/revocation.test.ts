/** Acceptances that are withdrawn: what rests on them, what is in flight, and what comes next. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { Revocation } from '../../core/api/plugin.js'
import { accept, type Verdict } from '../../core/api/verdict.js'
import { get } from '../kit/client.js'
import { hear } from '../kit/gate.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { Watch } from '../kit/watch.js'

const HOST = 'revoked.test'
const MODULES = {
  'revoking.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd, revoke }) => {
  channel('revoking loaded').publish(revoke)
  const options = { coalesce: argv[1] === 'shared' }
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => channel('revoking asked').publish(event), options)
}
`,
} as const
const root = await makeAuthority({ name: 'Root' })
const issued = await root.issue({ cn: HOST, sans: [HOST, 'other.test'] })

async function setUp(
  t: Test,
  verdict: Verdict | undefined,
  records: ProxyConf['records'] = {},
  line = 'revoking.mjs',
) {
  const origin = await nodeOrigin({ tls: issued })
  t.teardown(origin.stop)
  const asked: VerifyServerEvent[] = []
  let revoke: (what: Revocation) => void = () => t.fail('not loaded')
  const watch = new Watch()
  hear(t, 'revoking loaded', (given: typeof revoke) => {
    revoke = given
  })
  hear(t, 'revoking asked', (event: VerifyServerEvent) => {
    asked.push(event)
    if (verdict !== undefined) event.reenable(verdict)
    watch.changed()
  })
  const proxy = await startProxyHere({
    plugins: [line],
    modules: MODULES,
    hosts: [HOST, 'other.test'],
    ca: root.certPem,
    records,
  })
  t.teardown(proxy.stop)
  const ask = async (host = HOST): Promise<number> =>
    (await get(proxy.port, `https://${host}:${origin.port}/`)).status
  const askedAtLeast = (count: number): Promise<VerifyServerEvent | undefined> =>
    watch.until(
      () => (asked.length >= count ? asked[count - 1] : undefined),
      () => `${count} questions; ${asked.length} came`,
    )
  const revokeNow = (what: Revocation): void => revoke(what)
  return { proxy, origin, asked, ask, askedAtLeast, revoke: revokeNow }
}

const REMEMBERED = accept({ cacheFor: 60_000 })

test('a revocation ends a remembered acceptance and the connection that rests on it', async t => {
  const { proxy, origin, asked, ask, revoke } = await setUp(t, REMEMBERED)
  for (let i = 0; i < 3; i++) t.equal(await ask(), 200)
  await ask('other.test')
  t.same([asked.length, origin.handshakes.length], [2, 2])
  revoke({ host: HOST })
  t.match(
    proxy.output(),
    `revoking revoked host ${HOST}: 1 remembered verdict, 1 idle connection`,
    'it is written down',
  )
  await origin.until(() => (origin.openConnections === 1 ? true : undefined), 'the connection to end')
  t.equal(await ask('other.test'), 200)
  t.same([asked.length, origin.handshakes.length], [2, 2], 'the other host is as it was')
  t.equal(await ask(), 200)
  t.same([asked.length, origin.handshakes.length], [3, 3], 'the plugin is asked about a new handshake')
  revoke({ certificate: asked[0]?.chain[0]?.sha256 ?? '' })
  for (const host of [HOST, 'other.test']) t.equal(await ask(host), 200)
  t.same([asked.length, origin.handshakes.length], [5, 5], 'both hosts have shown that certificate')
  revoke('all')
  for (const host of [HOST, 'other.test']) t.equal(await ask(host), 200)
  t.same([asked.length, origin.handshakes.length], [7, 7])
  t.throws(() => revoke({ hots: 'typo' } as unknown as Revocation), { code: 'PTC_REVOCATION' })
})

for (const reverify of [0, 1] as const)
  test(`a stored session, reverified: ${reverify}`, async t => {
    const { origin, asked, ask, revoke } = await setUp(t, accept(), {
      'proxy.config.ssl.origin_session_cache': 1,
      'proxy.config.ssl.origin_session_cache.reverify_on_resume': reverify,
      'proxy.config.http.origin_max_idle': 0,
    })
    const resumed = (): readonly boolean[] => origin.handshakes.map(({ isResumed }) => isResumed)
    for (let i = 0; i < 2; i++) t.equal(await ask(), 200)
    t.same(resumed(), [false, true])
    revoke({ host: HOST })
    t.equal(await ask(), 200)
    t.same(resumed(), [false, true, false], 'a full handshake')
    t.equal(asked.length, reverify + 2)
  })

test('a parked handshake survives a revocation, and its connection is not used again', async t => {
  const { origin, asked, ask, askedAtLeast, revoke } = await setUp(t, undefined)
  const early = ask()
  const first = await askedAtLeast(1)
  revoke({ host: HOST })
  first?.reenable(REMEMBERED)
  t.equal(await early, 200)
  const late = ask()
  const second = await askedAtLeast(2)
  t.ok(second, 'what it was answered is not remembered')
  second?.reenable(REMEMBERED)
  t.equal(await late, 200)
  t.equal(await ask(), 200)
  t.same([asked.length, origin.handshakes.length], [2, 2], 'what came later is kept')
})

test('a call from before a revocation is not shared with later handshakes', async t => {
  const { asked, ask, askedAtLeast, revoke } = await setUp(t, undefined, {}, 'revoking.mjs shared')
  const early = ask()
  await askedAtLeast(1)
  revoke({ host: 'nobody.test' })
  const late = ask()
  await askedAtLeast(2)
  asked[0]?.reenable()
  t.equal(await early, 200)
  t.equal(asked[1]?.signal.aborted, false)
  asked[1]?.reenable()
  t.equal(await late, 200)
})

test("after a revocation a tunnel's address is verified again, and open tunnels stay", async t => {
  const { proxy, origin, asked, revoke } = await setUp(t, accept(), {
    'proxy.config.http.connect_ports': '*',
  })
  const tunnel = async (): Promise<Socket> => {
    const path = `${HOST}:${origin.port}`
    const sent = request({ port: proxy.port, method: 'CONNECT', path }).end()
    const [, socket] = (await once(sent, 'connect')) as [unknown, Socket]
    t.teardown(() => socket.destroy())
    return socket
  }
  const open = await tunnel()
  await tunnel()
  t.equal(asked.length, 1)
  revoke({ host: HOST })
  const secured = connectTls({ socket: open, servername: HOST, ca: root.certPem })
  await once(secured, 'secureConnect')
  t.ok(secured.authorized, 'what was open goes on')
  await tunnel()
  t.equal(asked.length, 2)
  secured.destroy()
})

test('a revocation reaches an acceptance under old rules', async t => {
  const { proxy, asked, ask, askedAtLeast, revoke } = await setUp(t, undefined)
  const early = ask()
  const first = await askedAtLeast(1)
  await proxy.server.reload()
  revoke('all')
  first?.reenable(REMEMBERED)
  t.equal(await early, 200)
  const late = ask()
  ;(await askedAtLeast(2))?.reenable()
  t.equal(await late, 200)
  t.equal(asked.length, 2)
})
