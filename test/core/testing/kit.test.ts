import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { type Test, test } from 'tap'
import { type Kit, type KitOptions, makeChain, openKit } from '../../../core/testing/kit.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const dir = makeTempDir()
const HERE = pathToFileURL(`${dir.path}/some.test.js`)

/** A plugin whose continuation is this code. */
function plugin(name: string, continuation: string, init = ''): void {
  const hook = `hookAdd('TS_SSL_CERT_VERIFY_HOOK', ${continuation})`
  dir.file(
    `${name}.mjs`,
    `export default ({ hookAdd, accept, reject, schedule, note, error, debug }) => { ${init}; ${hook} }`,
  )
}

plugin('yes', '({ reenable }) => { reenable() }')
plugin('no', "({ reenable }) => { reenable(reject('revoked', 'it says so')) }")
plugin('later', '({ schedule, reenable }) => schedule(() => { reenable() }, 3000)')
plugin('never', '({ signal }) => { signal.onabort = () => note("aborted") }', '')
plugin('twice', '({ reenable }) => { reenable(); note(reenable(reject("policy"))) }')
plugin('late', '({ reenable, signal }) => { signal.onabort = () => note(reenable()) }')
plugin('throws', '() => { throw new Error("boom") }')
plugin('rejects', 'async () => { throw new Error("boom") }')
plugin('bursts', '({ schedule }) => schedule(() => { throw new Error("boom") }, 10)')

async function open(t: Test, lines: string | string[], options?: KitOptions): Promise<Kit> {
  const kit = await openKit(HERE, lines, options)
  t.teardown(() => kit.close())
  return kit
}

const host = 'a.example'

test('plugins are called in their order, one after another', async t => {
  const kit = await open(t, ['yes.mjs', 'later.mjs', 'yes.mjs'])
  const handshake = await kit.park({ host })
  t.strictSame(
    handshake.calls.map(({ plugin: name, verdict }) => [name, verdict?.kind]),
    [
      ['yes', 'accept'],
      ['later', undefined],
    ],
  )
  t.equal(handshake.outcome, undefined)
  await kit.advance(2999)
  t.equal(handshake.calls.length, 2)
  await kit.advance(1)
  t.strictSame(
    handshake.calls.map(call => call.plugin),
    ['yes', 'later', 'yes'],
  )
  t.strictSame(handshake.outcome, { kind: 'accepted', by: 'plugins' })
  t.strictSame(await handshake.ended(), handshake.outcome)
})

test('the first rejection is final', async t => {
  const kit = await open(t, ['no.mjs', 'yes.mjs'])
  const { outcome, calls } = await kit.park({ host })
  t.strictSame(outcome, {
    kind: 'rejected',
    by: 'plugin',
    plugin: 'no',
    reason: 'revoked',
    detail: 'it says so',
    alert: 'certificate_revoked',
  })
  t.strictSame(
    calls.map(call => call.plugin),
    ['no'],
  )
})

test('answers that reach nothing are seen', async t => {
  const kit = await open(t, ['twice.mjs', 'late.mjs'])
  const handshake = await kit.park({ host })
  t.strictSame(handshake.calls[0]?.verdict, { kind: 'accept' })
  t.strictSame(handshake.calls[0]?.ignored, [{ kind: 'reject', reason: 'policy' }])
  t.strictSame(kit.log, ['NOTE [twice] ignored'])
  handshake.leave()
  t.strictSame(handshake.calls[1]?.ignored, [undefined], 'reenable() after the client has left')
  t.equal(handshake.calls[1]?.verdict, undefined)
  t.equal(kit.log.at(-1), 'NOTE [late] ignored')
  t.strictSame(handshake.outcome, { kind: 'left' })
  handshake.leave()
})

test('whoever throws, now or later, has answered no', async t => {
  for (const name of ['throws', 'rejects', 'bursts']) {
    const kit = await open(t, [`${name}.mjs`, 'yes.mjs'])
    const handshake = await kit.park({ host })
    await kit.advance(10)
    t.match(handshake.outcome, { kind: 'rejected', by: 'plugin-failed', plugin: name, detail: 'boom' }, name)
    t.match(handshake.calls, [{ plugin: name, failures: [{ message: 'boom' }] }], name)
  }
})

test('a client that leaves aborts the signal', async t => {
  const kit = await open(t, 'never.mjs')
  const handshake = await kit.park({ host })
  t.strictSame(kit.log, [])
  handshake.leave()
  t.strictSame(kit.log, ['NOTE [never] aborted'])
})

test('deadlines pass without waiting', async t => {
  t.test('the one of all plugins', async t => {
    const kit = await open(t, ['later.mjs', 'never.mjs'])
    const handshake = await kit.park({ host })
    await kit.advance(29_999)
    t.equal(handshake.outcome, undefined)
    await kit.advance(1)
    t.match(handshake.outcome, {
      kind: 'rejected',
      by: 'deadline',
      plugin: 'never',
      alert: 'handshake_failure',
    })
    t.strictSame(kit.log, ['NOTE [never] aborted'])
  })

  t.test('by a record', async t => {
    const kit = await open(t, 'never.mjs', { records: { 'proxy.config.ssl.client.verify.deadline': 500 } })
    const handshake = await kit.park({ host })
    await kit.advance(500)
    t.match(handshake.outcome, { by: 'deadline' })
  })

  t.test('its own, with either meaning', async t => {
    const kit = await open(t, ['never.mjs @deadline=100 @late=builtin', 'never.mjs @deadline=100'])
    const handshake = await kit.park({ host })
    await kit.advance(100)
    t.equal(handshake.calls.length, 2)
    t.equal(handshake.outcome, undefined)
    await kit.advance(100)
    t.match(handshake.outcome, { kind: 'rejected', by: 'deadline' })
  })

  t.test('as plugins see them', async t => {
    plugin('clock', '({ deadline, reenable }) => { note(deadline - Date.now()); reenable() }')
    const kit = await open(t, ['clock.mjs', 'later.mjs', 'clock.mjs'])
    await kit.park({ host })
    await kit.advance(3000)
    const [first = 0, second = 0] = kit.log.map(line => Number(line.split(' ')[2]))
    t.ok(Math.abs(first - 30_000) <= 2, `${first}`)
    t.ok(Math.abs(second - 27_000) <= 2, `${second}: three seconds have passed`)
  })
})

test('time passes in order, for what is scheduled meanwhile as well', async t => {
  plugin(
    'ticks',
    '({ reenable }) => { reenable() }',
    'const tick = n => { note(n); schedule(() => tick(n + 1), 60_000) }; tick(0)',
  )
  const kit = await open(t, ['ticks.mjs', 'ticks.mjs'])
  await kit.advance(119_999)
  t.equal(kit.log.at(-1), 'NOTE [ticks] 1')
  await kit.advance(1)
  t.strictSame(kit.log.slice(-2), ['NOTE [ticks] 2', 'NOTE [ticks] 2'])
  kit.close()
  await kit.advance(600_000)
  t.equal(kit.log.length, 6, 'an unloaded plugin is not called')
})

test('a plugin in shadow mode is asked, and has no say', async t => {
  const kit = await open(t, ['no.mjs @mode=shadow', 'yes.mjs'])
  const { outcome, calls } = await kit.park({ host })
  t.equal(outcome?.kind, 'accepted')
  t.match(
    calls.find(call => call.plugin === 'no'),
    { verdict: { kind: 'reject', reason: 'revoked' } },
  )
})

test('an acceptance that may be remembered is, and ends when it says so', async t => {
  plugin('remembers', '({ reenable }) => { reenable(accept({ cacheFor: 60_000, expiresIn: 120_000 })) }')
  const kit = await open(t, 'remembers.mjs')
  const chain = await makeChain({ names: [host] })
  const first = await kit.park({ host, chain })
  t.equal(first.calls.length, 1)
  t.ok(Math.abs((first.outcome?.expiresAt ?? 0) - Date.now() - 120_000) < 1000)
  const second = await kit.park({ host, chain })
  t.equal(second.calls.length, 0)
  t.equal(second.outcome?.kind, 'accepted')
})

test('what the built-in check says is for the test to choose', async t => {
  plugin(
    'sees',
    '({ builtIn, checks, reenable }) => { note(JSON.stringify([builtIn, checks.signature.ok, checks.name.ok])); reenable() }',
  )
  const kit = await open(t, 'sees.mjs')
  await kit.park({ host, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED', depth: 1 })
  await kit.park({ host, builtIn: 'X509_V_ERR_HOSTNAME_MISMATCH' })
  t.strictSame(
    kit.log.map(line => JSON.parse(line.slice('NOTE [sees] '.length))),
    [
      [
        {
          ok: false,
          name: 'X509_V_ERR_CERT_HAS_EXPIRED',
          code: 10,
          depth: 1,
          message: 'certificate has expired',
        },
        false,
        true,
      ],
      [
        { ok: false, name: 'X509_V_ERR_HOSTNAME_MISMATCH', code: 62, depth: 0, message: 'hostname mismatch' },
        true,
        false,
      ],
    ],
  )
  const bound = await open(t, 'sees.mjs', {
    records: { 'proxy.config.ssl.client.verify.server.override': 0 },
  })
  const { outcome, calls } = await bound.park({ host, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' })
  t.match(outcome, { kind: 'rejected', by: 'built-in', reason: 'X509_V_ERR_CERT_HAS_EXPIRED' })
  t.equal(calls.length, 0, 'as the records have it')
})

test('a chain is a text, a file, or what it shall say', async t => {
  plugin(
    'shows',
    '({ sni, port, chain, reenable }) => { note([sni, port, ...chain.map(c => c.subject + c.issuer)].join()); reenable() }',
  )
  const kit = await open(t, 'shows.mjs')
  const wanted = [{ subject: '/C=US/O=A, B & C/CN=x.example' }, { subject: '/CN=An Issuer' }] as const
  const pem = await makeChain(...wanted)
  dir.file('chain.pem', pem)
  for (const chain of [pem, 'chain.pem', wanted])
    await kit.park({ host, chain, sni: 'b.example', port: 8443 })
  const line =
    'NOTE [shows] b.example,8443,/C=US/O=A, B & C/CN=x.example/CN=An Issuer,/CN=An Issuer/O=Portcullis/CN=Test Root'
  t.strictSame(kit.log, [line, line, line])
  await kit.park({ host: '192.0.2.7' })
  t.equal(
    kit.log.at(-1),
    'NOTE [shows] ,443,/CN=192.0.2.7/O=Portcullis/CN=Test Root',
    'no SNI for an address',
  )
})

test('mistakes of a test are told', async t => {
  const kit = await open(t, 'never.mjs')
  const code = 'PTC_TEST_KIT'
  await t.rejects(kit.park({ host, chain: 'gone.pem' }), {
    code,
    message: /cannot read the chain of a\.example/,
  })
  await t.rejects(kit.park({ host, chain: '-----BEGIN X-----' }), { code, message: /no PEM certificate/ })
  await t.rejects(kit.park({ host, chain: [{ subject: 'CN=x' }] }), { code, message: /written as/ })
  const builtIn = 'X509_V_ERR_OF_MINE' as 'X509_V_OK'
  await t.rejects(kit.park({ host, builtIn }), { code, message: /there is no X509_V_ERR_OF_MINE/ })
  await t.rejects(kit.connect('nowhere'), { code, message: /connect takes host:port/ })
  const parked = await kit.park({ host })
  await t.rejects(parked.ended(5), { code, message: 'still parked after 5 ms, never has not answered' })
  await t.rejects(open(t, 'never.mjs @deadlin=5'), {
    code: 'PTC_PLUGIN_CONFIG_INVALID',
    message: /^plugin\.config:1: .*did you mean @deadline/,
  })
  await t.rejects(open(t, 'missing.mjs'), { code: 'PTC_PLUGIN_NOT_FOUND' })
  const wrong = { 'proxy.config.ssl.client.verify.deadline': 'soon' as unknown as number }
  await t.rejects(open(t, 'never.mjs', { records: wrong }), { code: 'PTC_RECORDS_INVALID' })
})

test('connections are opened and closed for the hooks that hear of it', async t => {
  dir.file(
    'hears.mjs',
    `export default ({ hookAdd, note }) => {
      for (const id of ['TS_VCONN_START_HOOK', 'TS_VCONN_CLOSE_HOOK', 'TS_VCONN_OUTBOUND_START_HOOK',
        'TS_VCONN_OUTBOUND_CLOSE_HOOK']) hookAdd(id, ({ direction }) => note(id + ' ' + direction))
      hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', () => { throw new Error('boom') })
    }`,
  )
  const kit = await open(t, ['hears.mjs', 'yes.mjs'])
  const client = kit.open('inbound')
  const handshake = await kit.park({ host })
  handshake.leave()
  handshake.leave()
  client.close()
  t.strictSame(kit.log, [
    'NOTE [hears] TS_VCONN_START_HOOK inbound',
    'NOTE [hears] TS_VCONN_OUTBOUND_START_HOOK outbound',
    'NOTE [hears] TS_VCONN_OUTBOUND_CLOSE_HOOK outbound',
    'NOTE [hears] TS_VCONN_CLOSE_HOOK inbound',
  ])
  const rejecting = await open(t, ['hears.mjs', 'no.mjs'])
  await rejecting.park({ host })
  t.equal(
    rejecting.log.at(-1),
    'NOTE [hears] TS_VCONN_OUTBOUND_CLOSE_HOOK outbound',
    'a rejected one is closed',
  )
  await kit.tell('TS_HTTP_SEND_REQUEST_HDR_HOOK', { vconn: client.vconn, method: 'GET', url: 'https://a/' })
  t.match(kit.log.at(-1), /^ERROR plugin hears failed on TS_HTTP_SEND_REQUEST_HDR_HOOK: boom$/)
})

test('a plugin may take real time, too', async t => {
  plugin(
    'real',
    'async ({ reenable }) => { await new Promise(resolve => setTimeout(resolve, 20)); reenable() }',
  )
  const kit = await open(t, 'real.mjs')
  const handshake = await kit.park({ host })
  t.equal(handshake.outcome, undefined)
  t.equal((await handshake.ended()).kind, 'accepted')
  await sleep(0)
})

test('the files are gone', async () => dir.remove())
