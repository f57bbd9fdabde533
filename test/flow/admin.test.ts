/** What can be asked and done through the management socket, with curl and with `ctl`. */
import { test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { curl } from '../kit/curl.js'
import { CONNECTION, callCtl, HOST, issued, managedHere, runCtl } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { makeConfDir, runMain } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

test('an operator lists a parked handshake and rejects it', async t => {
  const origin = await opensslOrigin({ ...issued })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one waits'])
  t.match(await ctl('parked'), { out: 'no handshake with an origin is parked\n' })
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(`https://${HOST}:${origin.port}/`))
  await proxy.until(/asked about/)
  const [parked] = JSON.parse((await ctl('parked', '--json')).out).parked
  t.match(parked, { host: HOST, port: origin.port, plugin: 'desk', leaf: { subject: `/CN=${HOST}` } })
  t.ok(parked.age > 0 && parked.deadline > Date.now())
  const { out } = await ctl('parked')
  t.match(
    out,
    /^ID +ORIGIN +HELD BY +CONNECTION +FOR +LEFT +CLIENT +CHECK +LEAF\n\d+ +managed\.test:\d+ +desk +open +/,
  )
  t.match(await ctl('reject', `${parked.id + 1}`), {
    code: 1,
    err: /PTC_ADMIN_REQUEST.*no handshake with id/,
  })
  t.match(await ctl('reject', `${parked.id}`, 'revoked', 'on', 'the', 'phone'), {
    code: 0,
    out: /is rejected: revoked/,
  })
  const { status, body } = await client.response('GET')
  t.equal(status, 502)
  t.match(body.toString(), /an operator.*on the phone|on the phone.*an operator/s)
  t.ok(await origin.waitFor('fatal certificate_revoked'))
  t.notOk(origin.received('Finished'))
  t.match(await ctl('reject', `${parked.id}`), { code: 1 }, 'once')
  await proxy.until(/an operator rejects the handshake with managed\.test: revoked/)
})

test('an operator lists a handshake that has no connection any more, and rejects it', async t => {
  const origin = await opensslOrigin({ ...issued })
  t.teardown(origin.stop)
  const records = { 'proxy.config.ssl.client.verify.release_after': 1 }
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one waits'], undefined, { records })
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(`https://${HOST}:${origin.port}/`))
  await proxy.until(/NOTE: connection to server=managed\.test.* ended while plugins hold the handshake/)
  const [parked] = JSON.parse((await ctl('parked', '--json')).out).parked
  t.match(parked, { host: HOST, connection: 'released', leaf: { subject: `/CN=${HOST}` } })
  t.match((await ctl('parked')).out, /desk +released +/)
  t.match(await ctl('reject', `${parked.id}`, 'policy'), { code: 0, out: /is rejected: policy/ })
  t.equal((await client.response('GET')).status, 502)
  t.match(await ctl('parked'), { out: 'no handshake with an origin is parked\n' })
})

test('an operator lists what is held on other hooks', async t => {
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one holds'])
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText('http://127.0.0.1:1/'))
  const held = async () => JSON.parse((await ctl('parked', '--json')).out).held
  await poll(async () => (await held()).length > 0, 'the held connection')
  t.match(await held(), [{ hook: 'TS_VCONN_START_HOOK', plugin: 'desk', about: /^client 127/ }])
  t.match(await ctl('parked'), {
    out: /is parked\nHOOK +ABOUT +HELD BY +FOR +LEFT\nTS_VCONN_START_HOOK +client 127/,
  })
  await ctl('plugin', 'msg', 'accept')
  t.equal((await client.response('GET')).status, 502)
  t.same(await held(), [])
})

test("an operator's message reaches plugins in the order of their lines", async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one', 'first_seen.js', 'desk.mjs two'])
  t.match(await ctl('plugin', 'msg', 'hello', 'a b'), { code: 0, out: 'plugins that heard it: 2\n' })
  await proxy.until(/one heard hello a b\n[^\n]*two heard hello a b\n/)
  t.match(await ctl('plugin', 'msg', 'throw'), { code: 0, out: /: 2\n/ })
  await proxy.until(
    /plugin desk failed on TS_LIFECYCLE_MSG_HOOK: oops \(at [^\n]*desk\.mjs:14:32\)\n[^\n]*two heard throw undefined/,
  )
  const url = `https://${HOST}:${origin.httpsPort}/`
  await get(proxy.port, url)
  await ctl('plugin', 'msg', 'revoke', HOST)
  await proxy.until(/desk revoked host managed\.test: 2 remembered verdicts, 1 idle connection/)
})

test('an operator accepts through a plugin that asks for it, also in a worker', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  for (const isolate of ['', '@isolate=worker ']) {
    const { proxy, ctl } = await managedHere(t, [`desk.mjs ${isolate}one waits`])
    const early = get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)
    await proxy.until(/asked about/)
    t.match(await ctl('plugin', 'msg', 'accept', HOST), { code: 0, out: /: 1\n/ })
    t.equal((await early).status, 200)
    await ctl('plugin', 'msg', 'revoke', HOST)
    await proxy.until(/desk revoked host managed\.test/)
    await ctl('plugin', 'msg', 'revoke', 'no host')
    await proxy.until(/ERROR: .*(desk).*is not the name or address/)
    const { plugins } = JSON.parse((await ctl('status', '--json')).out)
    const workers = isolate === '' ? undefined : { serving: 2, outOfService: [] }
    t.match(plugins, [{ name: 'desk', line: 1, mode: 'enforce', workers }])
    const hooks = ['TS_SSL_CERT_VERIFY_HOOK', 'TS_LIFECYCLE_MSG_HOOK']
    t.same(plugins[0].hooks.sort(), hooks.sort(), 'its own, not those where something stands in for it')
    const where = isolate === '' ? 'line 1' : 'line 1, in 2 workers'
    t.match((await ctl('status')).out, new RegExp(`\nplugins +desk \\(${where}\\): TS_\\S+ TS_\\S+\n`))
  }
})

test('mistakes of an operator are answered with a remedy', async t => {
  const conf = makeConfDir()
  t.teardown(conf.remove)
  const wrong: Readonly<Record<string, RegExp>> = {
    '': /give ctl a command: status/,
    verdict: /ctl has no command "verdict"; did you mean verdicts\?/,
    'status now': /takes no arguments/,
    reject: /takes the ID/,
    'reject 1 polcy': /no reason "polcy"; did you mean policy/,
    revoke: /takes one HOST/,
    'revoke a.test --all': /takes one HOST/,
    'status --all': /--all belongs to/,
    'plugin msg': /TAG/,
    'plugin tell x': /msg TAG/,
  }
  for (const [words, message] of Object.entries(wrong)) {
    const { code, err } = await callCtl(conf.path, ...words.split(' ').filter(word => word !== ''))
    t.equal(code, 64, words)
    t.match(err, message)
  }
  t.match(await runCtl(conf.path, 'verdict'), { code: 64, err: /did you mean verdicts/ }, 'as a process')
  t.match(await runCtl(conf.path, 'status'), { code: 1, err: /socket is NULL/ })
  conf.write({ records: { 'proxy.config.admin.socket': 'plugin.config' } })
  t.match(await runCtl(conf.path, 'status'), { code: 1, err: /PTC_ADMIN_UNREACHABLE/ })
})

test('other programs can use the management API', async t => {
  const { socket } = await managedHere(t, ['desk.mjs one'])
  const api = async (path: string, ...args: string[]) => {
    const { stdout } = await curl([
      '-sS',
      '--unix-socket',
      socket,
      '-w',
      '\n%{http_code}',
      ...args,
      `http://portcullis${path}`,
    ])
    const [json = '', status] = stdout.split('\n')
    return { status: Number(status), body: JSON.parse(json) }
  }
  const json = ['-H', 'content-type: application/json']
  t.match(await api('/v1/status'), { status: 200, body: { pid: process.pid, isStopping: false } })
  t.match(await api('/v1/plugin/msg', ...json, '-d', '{"tag":"hello"}'), {
    status: 200,
    body: { plugins: 1 },
  })
  t.match(await api('/v1/revoke', ...json, '-d', '{"all":true}'), { status: 200, body: { verdicts: 0 } })
  const failed = (status: number, code: string) => ({ status, body: { error: { code } } })
  for (const body of ['{}', '{"hots":"a"}', '{"all":false}', '{"host":7}', '{"host":"a","key":"b"}', '"all"'])
    t.match(await api('/v1/revoke', ...json, '-d', body), { status: 400 }, body)
  t.match(
    await api('/v1/plugin/msg', ...json, '-d', '{"tag":"x","more":1}'),
    failed(400, 'PTC_ADMIN_REQUEST'),
  )
  t.match(await api('/v1/plugin/msg', ...json, '-d', '{'), failed(400, 'PTC_ADMIN_REQUEST'))
  t.match(await api('/v1/parked/x/reject', ...json, '-d', '{}'), failed(400, 'PTC_ADMIN_REQUEST'))
  t.match(await api('/v1/parked/1/reject', ...json, '-d', '{"reason":"x"}'), failed(404, 'PTC_ADMIN_REQUEST'))
  t.match(await api('/v1/nothing'), failed(404, 'PTC_ADMIN_REQUEST'))
  t.match(await api('/v1/reload'), failed(404, 'PTC_ADMIN_REQUEST'), 'a GET changes nothing')
})

test('a second proxy of one folder runs without a management socket', async t => {
  const { proxy, ctl } = await managedHere(t, [])
  const second = await runMain(['start', '-D', proxy.conf.path])
  t.teardown(second.stop)
  await second.until(
    () => /WARNING: .*another process listens there/.exec(second.stderr()) ?? undefined,
    'it',
  )
  await second.stop()
  t.match(await ctl('status'), { code: 0, out: new RegExp(`pid ${process.pid}`) })
})
