/** The kit, with a plugin in workers: as `@isolate=worker` loads it in the proxy. */
import { test } from 'tap'
import { dir, open } from './plugins.js'

dir.file(
  'apart.mjs',
  `import { isMainThread } from 'node:worker_threads'
export default ({ hookAdd, reject, note, name }) => {
  note('apart ' + !isMainThread)
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, chain, vconn, schedule, reenable }) => {
    vconn.args[name] = host
    if (host === 'slow.example') return schedule(reenable, 50)
    if (host === 'silent.example') return
    if (host === 'bad.example') throw new Error('boom')
    reenable(host === 'no.example' ? reject('revoked', chain[0].subject) : undefined)
  })
  hookAdd('TS_VCONN_START_HOOK', ({ vconn, reenable }) => { vconn.args[name] = 'client'; reenable() })
  hookAdd('TS_VCONN_CLOSE_HOOK', ({ args }) => note('closed ' + args[name]))
  hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ host, reenable }) =>
    reenable(host === 'closed.example' ? reject('policy', 'not there') : undefined))
  hookAdd('TS_VCONN_OUTBOUND_CLOSE_HOOK', ({ args }) => note('closed ' + args[name]))
  hookAdd('TS_SSL_CERT_HOOK', ({ use, reenable }) => { use('a.example'); use('b.example'); reenable() })
  hookAdd('TS_SSL_SESSION_HOOK', ({ id, provide, reenable }) => { provide(id); reenable() })
  hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', ({ headers, args, reenable }) => {
    args[name] = headers.get('Accept'); headers.set('X-By', name); reenable() })
  hookAdd('TS_HTTP_SEND_RESPONSE_HDR_HOOK', ({ status, headers, args, reenable }) => {
    headers.append('X-Asked', args[name] + ' ' + status); reenable() })
  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ args }) => note('over ' + args[name]))
  hookAdd('TS_LIFECYCLE_SHUTDOWN_HOOK', ({ grace }) => note('grace ' + grace))
}`,
)

test('a plugin in workers is asked about made-up origins', async t => {
  const kit = await open(t, 'apart.mjs @isolate=worker @deadline=500')
  await kit.logged(/NOTE \[apart] apart true/)
  const good = await kit.park({ host: 'slow.example' })
  t.equal(good.outcome, undefined, 'its answer takes real time')
  t.strictSame(await good.ended(), { kind: 'accepted', by: 'plugins' })
  t.match(good.calls, [{ plugin: 'apart', verdict: { kind: 'accept' } }])
  good.leave()
  await kit.logged(/closed slow\.example/)
  const bad = await kit.park({ host: 'no.example' })
  t.match(await bad.ended(), { by: 'plugin', reason: 'revoked', detail: '/CN=no.example' })
  const fails = await kit.park({ host: 'bad.example' })
  t.match(await fails.ended(), { by: 'plugin-failed', detail: 'boom' })
  const silent = await kit.park({ host: 'silent.example' })
  await kit.advance(500)
  t.match(silent.outcome, { by: 'deadline', plugin: 'apart' }, 'deadlines pass as ever')
  await kit.tell('TS_LIFECYCLE_SHUTDOWN_HOOK', { grace: 7 })
  await kit.logged(/grace 7/)
  await t.rejects(kit.logged(/no such line/, 20), { code: 'PTC_TEST_KIT', message: /grace 7/ })
})

test('a plugin in workers is asked about the start of connections', async t => {
  const kit = await open(t, 'apart.mjs @isolate=worker')
  const client = kit.open('inbound')
  t.equal(client.outcome, undefined, 'held until its worker has answered')
  t.match(await client.ended(), { kind: 'accepted', by: 'plugins' })
  client.close()
  await kit.logged(/closed client/)
  const origin = kit.open('outbound', { host: 'closed.example' })
  t.match(await origin.ended(), { kind: 'rejected', by: 'plugin', detail: 'not there' })
})

test('a plugin in workers is asked about a request and its response', async t => {
  const kit = await open(t, 'apart.mjs @isolate=worker')
  const transaction = kit.transaction({ url: 'http://a.example/' })
  const request = await transaction.readRequest({ Accept: 'text/plain' })
  t.match(await request.ended(), { kind: 'accepted', by: 'plugins' })
  t.equal(request.headers.get('x-by'), 'apart')
  const response = await transaction.sendResponse(200)
  await response.ended()
  t.equal(response.headers.get('x-asked'), 'text/plain 200', 'with what was kept on it')
  await transaction.close()
  await kit.logged(/over text\/plain/)
})

test('a plugin in workers is asked about clients', async t => {
  const kit = await open(t, 'apart.mjs @isolate=worker')
  const used: unknown[] = []
  const shown = await kit.parkClient('TS_SSL_CERT_HOOK', { use: certificate => used.push(certificate) })
  t.match(await shown.ended(), { kind: 'accepted' })
  t.strictSame(used, ['a.example', 'b.example'], 'its calls are made in order')
  const use = (): never => {
    throw new Error('nobody has one')
  }
  const wrong = await kit.parkClient('TS_SSL_CERT_HOOK', { use })
  t.match(await wrong.ended(), { by: 'plugin-failed', detail: 'nobody has one' })
  const id = Buffer.from('an id')
  const provided: Uint8Array[] = []
  const provide = (session: Uint8Array): boolean => provided.push(session) > 1
  const session = await kit.parkClient('TS_SSL_SESSION_HOOK', { op: 'get', id, provide })
  t.match(await session.ended(), { kind: 'accepted' })
  t.equal(Buffer.from(provided[0] ?? []).toString(), 'an id')
  await kit.logged(/no session of the id/)
})
