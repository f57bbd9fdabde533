/** Longer than 250 lines because every promise of the kit has its small test here. */
import { test } from 'tap'
import { makeChain } from '../../../core/testing/kit.js'
import { dir, open, plugin } from './plugins.js'

plugin('twice', '({ reenable }) => { reenable(); note(reenable(reject("policy"))) }')
plugin('late', '({ reenable, signal }) => { signal.onabort = () => note(reenable()) }')
plugin('throws', '() => { throw new Error("boom") }')
plugin('rejects', 'async () => { throw new Error("boom") }')
plugin('bursts', '({ schedule }) => schedule(() => { throw new Error("boom") }, 10)')

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

test('a plugin that throws, now or later, has rejected', async t => {
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

test('in the kit a plugin in shadow mode is asked and decides nothing', async t => {
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

test('connections are opened and closed for the hooks that are told', async t => {
  dir.file(
    'hears.mjs',
    `export default ({ hookAdd, note }) => {
      for (const id of ['TS_VCONN_START_HOOK', 'TS_VCONN_OUTBOUND_START_HOOK'])
        hookAdd(id, ({ vconn, reenable }) => { note(id + ' ' + vconn.direction); reenable() })
      for (const id of ['TS_VCONN_CLOSE_HOOK', 'TS_VCONN_OUTBOUND_CLOSE_HOOK'])
        hookAdd(id, ({ direction }) => note(id + ' ' + direction))
      hookAdd('TS_LIFECYCLE_SHUTDOWN_HOOK', () => { throw new Error('boom') })
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
  await kit.tell('TS_LIFECYCLE_SHUTDOWN_HOOK', { grace: 0 })
  t.match(
    kit.log.at(-1),
    /^ERROR plugin hears failed on TS_LIFECYCLE_SHUTDOWN_HOOK: boom \(at \S+:\d+:\d+\)$/,
  )
})

test('the start of a connection is parked like a handshake', async t => {
  dir.file(
    'starts.mjs',
    `export default ({ argv, hookAdd, reject }) => {
      hookAdd('TS_VCONN_START_HOOK', ({ reenable, schedule }) => schedule(reenable, 100))
      hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ host, port, reenable }) =>
        reenable(host === 'bad.example' ? reject('policy', 'port ' + port) : undefined))
    }`,
  )
  const kit = await open(t, ['starts.mjs', 'yes.mjs'])
  const client = kit.open('inbound')
  t.equal(client.outcome, undefined)
  await kit.advance(100)
  t.match(client.outcome, { kind: 'accepted', by: 'plugins' })
  const why = { kind: 'rejected', by: 'plugin', plugin: 'starts', reason: 'policy', detail: 'port 8443' }
  t.match(kit.open('outbound', { host: 'bad.example', port: 8443 }).outcome, why)
  const handshake = await kit.park({ host: 'bad.example', port: 8443 })
  t.match(handshake.outcome, why, 'before its certificate is asked about')
  t.strictSame(
    handshake.calls.map(({ plugin }) => plugin),
    ['starts'],
  )
  const silent = await open(t, 'starts.mjs @deadline=50')
  const left = silent.open('inbound')
  await silent.advance(50)
  t.match(left.outcome, { kind: 'rejected', by: 'deadline', plugin: 'starts' })
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
})
