/** Records and metrics of a running proxy, by the commands of traffic_ctl. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { get } from '../kit/client.js'
import { CONNECTION, HOST, issued, managedHere } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'

// Own process: caches are counted for all proxies of a process.

const OVERRIDE = 'proxy.config.ssl.client.verify.server.override'
const NAME = 'proxy.config.proxy_name'

test('ctl config shows records, as traffic_ctl does', async t => {
  const { proxy, ctl } = await managedHere(t, [], undefined, { records: { [NAME]: 'gate.test' } })
  t.equal((await ctl('config', 'get', NAME, OVERRIDE)).out, `${NAME}: gate.test\n${OVERRIDE}: 0\n`)
  t.equal((await ctl('config', 'get', NAME, '--records')).out, `CONFIG ${NAME} STRING gate.test\n`)
  t.equal((await ctl('config', 'match', 'proxy.config.proxy_n')).out, `${NAME}: gate.test\n`)
  t.match((await ctl('config', 'defaults')).out, new RegExp(`^${NAME}: NULL$`, 'm'))
  const diff = (await ctl('config', 'diff')).out
  t.match(diff, `${NAME} has changed\n\tCurrent Value: gate.test\n\tDefault Value: NULL\n`)
  t.notMatch(diff, OVERRIDE)
  const about = (await ctl('config', 'describe', NAME)).out
  t.match(
    about,
    new RegExp(`^Name: ${NAME}\nCurrent Value: gate\\.test\nDefault Value: NULL\nData Type: STRING\n`),
  )
  t.match(about, /\nUpdate Type: dynamic, no restart\nSource: \S+records\.config:\d+\n/)
  t.match(await ctl('config', 'get', 'proxy.config.proxy_nam'), {
    code: 1,
    err: /PTC_ADMIN_REQUEST: there is no record "proxy\.config\.proxy_nam"; did you mean proxy\.config\.proxy_name\?/,
  })
  t.match(await ctl('config', 'match', '('), { code: 1, err: /is not a regular expression/ })
  t.match(
    (await ctl('config', 'status')).out,
    /^Portcullis \S+\nStarted at \d{4}-.* [+-]\d{4}\nLast reconfiguration at /,
  )
  t.match(await ctl('config', 'reload'), { code: 0, out: /2nd time/ })
  t.match(await ctl('config'), { code: 64, err: /config takes get, match/ })
  t.match(await ctl('config', 'gte', NAME), { code: 64, err: /config takes get, .*; did you mean get\?/ })
  t.match(await ctl('config', 'get', 'nothing'), { code: 1, err: /`ctl config match \.` lists all/ })
  t.match((await ctl('config', 'match', '.')).out, `${NAME}: gate.test\n`)
  t.match(JSON.parse((await ctl('config', 'get', NAME, '--json')).out), [{ name: NAME, value: 'gate.test' }])
  t.ok(proxy.port)
})

test('ctl config set changes one line of records.config, and the running proxy', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one'], undefined, {
    records: { [NAME]: 'one.test' },
  })
  const file = join(proxy.conf.path, 'records.config')
  writeFileSync(file, `# the first line\n${readFileSync(file, 'utf8')}\n# the last line\n`)
  chmodSync(file, 0o640)
  const before = readFileSync(file, 'utf8')
  t.match(await ctl('config', 'set', NAME, 'two.test'), { code: 0, out: `set ${NAME}\n` })
  t.equal(readFileSync(file, 'utf8'), before.replace('one.test', 'two.test'), 'nothing else has changed')
  t.match(proxy.output(), /configuration reloaded/)
  t.match((await get(proxy.port, `http://127.0.0.1:${origin.httpPort}/`)).header('via'), /two\.test/)
  const added = 'proxy.config.http.connect_ports'
  t.match(await ctl('config', 'set', added, '443 563'), { code: 0 })
  t.match(readFileSync(file, 'utf8'), new RegExp(`# the last line\nCONFIG ${added} STRING 443 563\n$`))
  t.match(await ctl('config', 'set', 'proxy.config.http.server_ports', '8080'), {
    out: /, restart required\n/,
  })
  const now = readFileSync(file, 'utf8')
  t.match(await ctl('config', 'set', NAME, 'two words'), {
    code: 1,
    err: /PTC_RECORDS_INVALID: .*must be a word/,
  })
  t.match(await ctl('config', 'set', 'proxy.config.nothing', '1'), {
    code: 1,
    err: /PTC_ADMIN_REQUEST: there is no record/,
  })
  t.match(await ctl('config', 'set', NAME, ''), { code: 1, err: /the value is empty; write NULL/ })
  t.match(
    await ctl('config', 'set', 'proxy.config.ssl.client.CA.cert.filename', 'missing.pem'),
    { code: 1, err: /missing\.pem/ },
    'a configuration that cannot be read',
  )
  t.equal(readFileSync(file, 'utf8'), now, 'is undone')
})

test('ctl config set edits a records.yaml', async t => {
  const { proxy, ctl } = await managedHere(t, [])
  const folder = proxy.conf.path
  const text = `records:\n  # who we are\n  proxy_name: one.test # short\n  admin:\n    socket: ctl.sock\n`
  const { rmSync } = await import('node:fs')
  rmSync(join(folder, 'records.config'))
  writeFileSync(join(folder, 'records.yaml'), text)
  t.match(await ctl('config', 'reload'), { code: 0 })
  t.match(await ctl('config', 'set', NAME, 'two.test'), { code: 0 })
  t.equal(readFileSync(join(folder, 'records.yaml'), 'utf8'), text.replace('one.test', 'two.test'))
})

test('ctl metric shows what is counted, also by names of Traffic Server', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one'])
  await ctl('metric', 'match', 'portcullis_none') // handshakes are counted from the first question on
  const { body } = await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)
  await get(proxy.port, `https://${HOST}:1/`)
  const { out } = await ctl('metric', 'match', 'portcullis_', 'proxy.process')
  t.match(out, /^portcullis_handshakes_total\{result="accepted",by="plugins"\} 1$/m)
  t.match(out, /^portcullis_http_requests_total\{version="1\.1",class="2xx"\} 1$/m)
  t.match(out, /^portcullis_http_requests_total\{version="1\.1",class="5xx"\} 1$/m)
  t.match(out, new RegExp(`^portcullis_origin_bytes_total\\{direction="received"\\} ${body.length}$`, 'm'))
  t.match(out, /^portcullis_cache_lookups_total\{cache="verdicts",result="miss"\} 1$/m)
  t.match(out, /^portcullis_cache_lookups_total\{cache="connections",result="hit"\} 0$/m)
  t.match(out, /^portcullis_native_objects\{kind="SSL_CTX"\} [1-9]/m)
  t.match(out, /^portcullis_hold_seconds_count\{plugin="desk",verdict="accept"\} 1$/m)
  t.match(out, /^portcullis_verdicts_total\{plugin="desk",verdict="accept",reason=""\} 1$/m)
  t.match(out, /^portcullis_remembered_verdicts 1$/m)
  t.match(out, /^portcullis_idle_connections 1$/m)
  t.match(out, /^portcullis_parked 0$/m)
  t.match(out, /^portcullis_client_connections \d+$/m)
  t.match((await ctl('metric', 'match', 'nodejs_eventloop')).out, /^nodejs_eventloop_lag_p99_seconds \d/m)
  t.match(out, /^proxy\.process\.http\.completed_requests 2$/m)
  t.match(out, /^proxy\.process\.http\.2xx_responses 1$/m)
  t.equal(
    (await ctl('metric', 'get', 'proxy.process.ssl.total_success_handshake_count_out')).out,
    'proxy.process.ssl.total_success_handshake_count_out 1\n',
  )
  t.match(await ctl('metric', 'get', 'proxy.process.nothing'), {
    code: 64,
    err: /`ctl metric match \.` lists all/,
  })
  t.match(await ctl('metric', 'get', 'portcullis_parkd'), {
    code: 64,
    err: /; did you mean portcullis_parked\?/,
  })
})

test('metrics count silence, rejections, and the workers of plugins', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const rejecting = `export default ({ hookAdd, reject }) => {
    hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => reenable(reject('revoked', 'seen')))
  }`
  const url = `https://${HOST}:${origin.httpsPort}/`
  const silent = await managedHere(t, ['desk.mjs x waits'], undefined, {
    records: { 'proxy.config.ssl.client.verify.deadline': 300 },
  })
  await silent.ctl('metric', 'match', 'portcullis_none')
  t.equal((await get(silent.proxy.port, url)).status, 504)
  const { out } = await silent.ctl('metric', 'match', 'portcullis_')
  t.match(out, /^portcullis_deadlines_missed_total 1$/m)
  t.match(out, /^portcullis_handshakes_total\{result="rejected",by="deadline"\} 1$/m)
  t.match(out, /^portcullis_hold_seconds_count\{plugin="desk",verdict="reject"\} 1$/m)

  const isolated = await managedHere(t, ['no.mjs @isolate=worker'], undefined, {
    modules: { 'no.mjs': rejecting },
  })
  await isolated.ctl('metric', 'match', 'portcullis_none')
  t.equal((await get(isolated.proxy.port, url)).status, 502)
  const counted = (await isolated.ctl('metric', 'match', 'portcullis_')).out
  t.match(counted, /^portcullis_workers\{plugin="no"\} 2$/m)
  t.match(
    counted,
    /^portcullis_verdicts_total\{plugin="no",verdict="reject",reason="X509_V_ERR_CERT_REVOKED"\} 1$/m,
  )
  t.match(counted, /^portcullis_handshakes_total\{result="rejected",by="plugin"\} 1$/m)
})

test('ctl debug switches debug lines on and off', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one'])
  /** The number of debug lines so far, after one handshake more. */
  const ask = async () => {
    t.equal((await ctl('revoke', '--all')).code, 0)
    t.equal((await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
    return proxy.output().split('DIAG: (ssl)').length - 1
  }
  t.equal(await ask(), 0)
  t.match(await ctl('debug', 'http|ssl'), { code: 0, out: /are on, until the next reload/ })
  const first = await ask()
  t.ok(first > 0)
  t.match(await ctl('debug', '('), { code: 1, err: /PTC_RECORDS_INVALID/ })
  const second = await ask()
  t.ok(second > first, 'tags that are wrong change nothing')
  t.match(await ctl('debug', 'off'), { code: 0, out: /are off/ })
  t.equal(await ask(), second)
  t.equal((await ctl('debug', 'ssl')).code, 0)
  t.ok((await ask()) > second)
  t.equal((await ctl('reload')).code, 0)
  const last = proxy.output().split('DIAG: (ssl)').length - 1
  t.equal(await ask(), last, 'a reload switches them off')
  t.match(await ctl('plugin', 'list'), { code: 0, out: /^desk/ })
})
