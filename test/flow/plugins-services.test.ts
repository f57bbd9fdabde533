/** What plugins keep and count beyond a reload, in the proxy's thread and in workers. */
import { type Test, test } from 'tap'
import { get as getThrough } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { freePort } from '../kit/tcp-server.js'

const HOST = 'services.test'
const root = await makeAuthority({ name: 'Root' })

const COUNTING = `
export default async ({ argv, hookAdd, note, reject, state, metrics }) => {
  const asked = metrics.counter({ name: 'asked_total', help: 'Questions.', labels: ['host'] })
  note('inits ' + await state.increment('inits'))
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ host, reenable }) => {
    asked.inc({ host })
    note('sum ' + await state.increment('sum') + ' ' + JSON.stringify([await state.get('kept'), await state.keys('s')]))
    await state.set('kept', { host })
    const why = await state.set('bad', () => 1).catch(error => error.code)
    reenable(why === 'PTC_PLUGIN_CALL' ? undefined : reject('internal', why))
  })
}
`

async function stage(
  t: Test,
  line: string,
): Promise<{ proxy: ProxyHere; conf: ProxyConf; get: () => Promise<number> }> {
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(origin.stop)
  const conf: ProxyConf = {
    ca: root.certPem,
    hosts: [HOST],
    modules: { 'counting.mjs': COUNTING },
    plugins: [line],
    records: { 'proxy.config.http.origin_max_idle': 0 },
  }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  const get = async (): Promise<number> =>
    (await getThrough(proxy.port, `https://${HOST}:${origin.port}/`)).status
  return { proxy, conf, get }
}

for (const line of ['counting.mjs', 'counting.mjs @isolate=worker'])
  test(`state and metrics outlive a reload: ${line}`, async t => {
    const { proxy, get } = await stage(t, line)
    t.equal(await get(), 200)
    t.match(proxy.output(), /sum 1 \[null,\["sum"\]\]/)
    await proxy.server.reload()
    t.equal(await get(), 200)
    t.match(proxy.output(), /sum 2 \[\{"host":"services.test"\},\["sum"\]\]/)
    t.match(
      await proxy.server.pluginMetrics.text(),
      'portcullis_plugin_counting_asked_total{host="services.test"} 2',
    )
  })

test('workers of one plugin share what they keep', async t => {
  const { proxy, get } = await stage(t, 'counting.mjs @isolate=worker')
  for (let i = 0; i < 4; i++) t.equal(await get(), 200)
  t.match(proxy.output(), /inits 2/, 'there are two workers')
  t.match(proxy.output(), /sum 4 /)
})

const FETCHING = `
export default ({ argv, hookAdd, note, reject, fetch }) => {
  const [, http, https, own] = argv
  const code = error => error.code
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ reenable }) => {
    const posted = await fetch(http + 'echo', { method: 'POST', body: Buffer.from([1, 255]), allowPrivate: true })
    const secure = await fetch(https, { allowPrivate: true })
    note('got ' + JSON.stringify([posted.status, [...posted.body], Buffer.isBuffer(posted.body), secure.status]))
    note('refused ' + JSON.stringify([
      await fetch(http).catch(code), await fetch(own, { allowPrivate: true }).catch(code), await fetch(http, { what: 1 }).catch(code),
    ]))
    reenable()
  })
}
`

for (const isolate of ['', '@isolate=worker '])
  test(`a plugin fetches within the guard ${isolate}`, async t => {
    const source = await nodeOrigin({})
    t.teardown(source.stop)
    const secure = await nodeOrigin({ tls: await root.issue({ cn: 'source.test' }) })
    t.teardown(secure.stop)
    const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
    t.teardown(origin.stop)
    const own = await freePort()
    const proxy = await startProxyHere({
      ca: root.certPem,
      hosts: [HOST, 'source.test'],
      modules: { 'fetching.mjs': FETCHING },
      plugins: [
        `fetching.mjs ${isolate}http://source.test:${source.port}/ https://source.test:${secure.port}/ http://127.0.0.1:${own}/`,
      ],
      records: { 'proxy.config.http.server_ports': `${own}:ip-in=127.0.0.1` },
    })
    t.teardown(proxy.stop)
    t.equal((await getThrough(proxy.port, `https://${HOST}:${origin.port}/`)).status, 200)
    t.match(
      proxy.output(),
      'got [200,[1,255],true,200]',
      'the host file names the sources; no plugin is asked about them',
    )
    t.match(proxy.output(), 'refused ["PTC_FETCH_DENIED","PTC_FETCH_DENIED","PTC_PLUGIN_CALL"]')
    t.equal(proxy.output().match(/got \[/g)?.length, 1)
  })
