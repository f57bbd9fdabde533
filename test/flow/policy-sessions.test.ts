/** TLS sessions with origins, idle connections, and verdicts that end: none of them gets around a policy. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { accept, reject } from '../../core/api/verdict.js'
import { liveNatives } from '../../core/tls/openssl/owned.js'
import { get } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { http2Origin } from '../kit/http2-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type Policed, type PolicedOptions, policed } from '../kit/policed.js'
import { startProxyHere } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const HOST = 'session.test'
const root = await makeAuthority({ name: 'Root' })
const other = await makeAuthority({ name: 'Other' })
const ORIGINS = { it: await root.issue({ cn: HOST }) }
const CACHE = 'proxy.config.ssl.origin_session_cache'
const IDLE = 'proxy.config.http.origin_max_idle'
const BASE = { hosts: [HOST], ca: root.certPem, modules: GATE_MODULE }

function stage(t: Test, options: Partial<PolicedOptions>): Promise<Policed> {
  return policed(t, { ...BASE, origins: ORIGINS, ...options })
}

/** No idle connections, so that every request makes a handshake. */
const SESSIONS = { [CACHE]: 1, [IDLE]: 0 } as const
const TRUSTING = { ...SESSIONS, [`${CACHE}.reverify_on_resume`]: 0 } as const

const resumed = ({ origin }: Policed): boolean[] => origin('it').handshakes.map(({ isResumed }) => isResumed)

function gated(t: Test, answer: ConstructorParameters<typeof Gate>[0]): Gate {
  const gate = new Gate(answer)
  t.teardown(() => gate.stop())
  return gate
}

/** Milliseconds that a verdict lasts: long enough for two requests on a busy machine. */
const LASTS = 4000

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const tls = { minVersion: version, maxVersion: version }

  // tls_origin_session_reuse
  test(`${version}: a session is resumed, and the hook sees its chain first`, async t => {
    const gate = gated(t, ({ reenable }) => void reenable())
    const it = await stage(t, { records: SESSIONS, plugins: [gate.line], tls })
    for (let i = 0; i < 3; i++) t.equal((await it.ask('it', HOST)).status, 200)
    t.same(resumed(it), [false, true, true])
    t.equal(gate.asked.length, 3, 'the plugin is asked every time')
    t.equal(gate.asked[1]?.chain[0]?.sha256, gate.asked[0]?.chain[0]?.sha256, 'about the same chain')
    t.equal(gate.asked[1]?.chain.length, 1)
  })

  test(`${version}: a session is resumed after a connection of HTTP/2`, async t => {
    const later = (end: () => Promise<void>): void => t.teardown(end)
    const { port, server } = await http2Origin(later, [HOST], root, undefined, tls)
    const handshakes: string[] = []
    let open = 0
    server.on('secureConnection', socket => {
      open += 1
      socket.on('close', () => {
        open -= 1
      })
      handshakes.push(`${socket.alpnProtocol}${socket.isSessionReused() ? ' resumed' : ''}`)
    })
    const records = { ...SESSIONS, 'proxy.config.ssl.client.alpn_protocols': 'h2,http/1.1' } as const
    const proxy = await startProxyHere({ hosts: [HOST], ca: root.certPem, records })
    t.teardown(proxy.stop)
    for (let i = 0; i < 3; i++) {
      t.equal((await get(proxy.port, `https://${HOST}:${port}/`)).status, 200)
      await poll(() => open === 0, 'the end of the connection')
    }
    t.same(handshakes, ['h2', 'h2 resumed', 'h2 resumed'])
  })

  test(`${version}: a plugin that has changed its mind is heard before a byte is sent`, async t => {
    let isBad = false
    const gate = gated(
      t,
      ({ reenable }) => void reenable(isBad ? reject('revoked', 'since a minute ago') : undefined),
    )
    const it = await stage(t, { records: SESSIONS, plugins: [gate.line], tls })
    t.equal((await it.ask('it', HOST)).status, 200)
    isBad = true
    const { status, body } = await it.ask('it', HOST)
    t.equal(status, 502)
    t.match(body.toString(), 'since a minute ago')
    t.equal(it.origin('it').failures.length <= 1, true)
    t.same(resumed(it), [false], 'the origin saw no second handshake')
    isBad = false
    t.equal((await it.ask('it', HOST)).status, 200)
    t.same(resumed(it), [false, false], 'and the session is gone')
  })

  test(`${version}: without reverify_on_resume the verdict of the first handshake holds`, async t => {
    const gate = gated(t, ({ reenable }) => void reenable())
    const it = await stage(t, { records: TRUSTING, plugins: [gate.line], tls })
    for (let i = 0; i < 3; i++) t.equal((await it.ask('it', HOST)).status, 200)
    t.same(resumed(it), [false, true, true])
    t.equal(gate.asked.length, 1)
  })

  test(`${version}: an origin that does not take the session is judged anew`, async t => {
    const gate = gated(t, ({ reenable }) => void reenable())
    const it = await stage(t, { records: SESSIONS, plugins: [gate.line], tls })
    t.equal((await it.ask('it', HOST)).status, 200)
    it.origin('it').forgetSessions()
    t.equal((await it.ask('it', HOST)).status, 200)
    t.equal(resumed(it)[1], false)
  })

  test(`${version}: a session does not outlive the verdict it rests on`, async t => {
    const gate = gated(t, ({ reenable }) => void reenable(accept({ expiresIn: LASTS })))
    const it = await stage(t, { records: TRUSTING, plugins: [gate.line], tls })
    await it.ask('it', HOST)
    await it.ask('it', HOST)
    t.same(resumed(it), [false, true])
    await sleep(LASTS + 50)
    await it.ask('it', HOST)
    t.same(resumed(it), [false, true, false])
    t.equal(gate.asked.length, 2)
  })

  test(`${version}: without the record no session is kept`, async t => {
    const it = await stage(t, { records: { [IDLE]: 0 }, tls })
    await it.ask('it', HOST)
    await it.ask('it', HOST)
    t.same(resumed(it), [false, false])
  })
}

test('a changed policy finds neither session nor idle connection', async t => {
  const sni = (ca: string): string => `sni: [{fqdn: ${HOST}, verify_server_ca: ${ca}}]`
  const files = { 'root.pem': root.certPem, 'other.pem': other.certPem }
  const records = { [CACHE]: 1, [`${CACHE}.reverify_on_resume`]: 0 } as const
  const it = await stage(t, { records, files, sni: sni('root.pem') })
  t.equal((await it.ask('it', HOST)).status, 200)
  t.equal((await it.ask('it', HOST)).status, 200)
  t.equal(it.origin('it').connections, 1, 'an idle connection serves again')
  await it.reload({ ...BASE, records, files, sni: sni('root.pem') })
  t.equal((await it.ask('it', HOST)).status, 200)
  t.equal(it.origin('it').connections, 1, 'after a reload that changes nothing, too')
  await it.reload({ ...BASE, records, files, sni: sni('other.pem') })
  t.equal((await it.ask('it', HOST)).status, 502, 'other roots do not know it')
  t.same(resumed(it), [false])
  await it.reload({ ...BASE, records, files: { ...files, 'other.pem': root.certPem }, sni: sni('other.pem') })
  t.equal((await it.ask('it', HOST)).status, 200, 'the contents of the file count, not its name')
})

test('an idle connection does not outlive the verdict it rests on', async t => {
  const gate = gated(t, ({ reenable }) => void reenable(accept({ expiresIn: LASTS })))
  const it = await stage(t, { plugins: [gate.line] })
  await it.ask('it', HOST)
  await it.ask('it', HOST)
  t.equal(it.origin('it').connections, 1)
  await it.origin('it').until(() => (it.origin('it').openConnections === 0 ? true : undefined), 'its end')
  await it.ask('it', HOST)
  t.equal(it.origin('it').connections, 2)
  t.equal(gate.asked.length, 2)
})

test('no session is left when the proxies have stopped', async t => {
  t.equal(liveNatives()['SSL_SESSION'] ?? 0, 0)
})
