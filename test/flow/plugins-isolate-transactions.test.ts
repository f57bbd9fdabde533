/** The hooks of a request and its response, for a plugin in worker threads. */
import { type Test, test } from 'tap'
import { atEnd } from '../kit/at-end.js'
import { get, type TimedResponse } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'

/** `X-Do: what hook` says on which hook the plugin does something else than to add its fields. */
const PLUGIN = `
import { threadId } from 'node:worker_threads'
export default ({ hookAdd, reject, note, name }) => {
  const doings = {
    no: ({ reenable }) => reenable(reject('policy', 'not today')),
    throws: () => { throw new Error('oops') },
    exit: () => process.exit(3),
    memory: () => { const all = []; for (;;) all.push(new Array(10_000).fill(Math.random())) },
    spin: () => { note('spins'); for (const end = Date.now() + 60_000; Date.now() < end;); },
    bad: ({ headers, reenable }) => {
      for (const [field, value] of [['Host', 'x'], ['X Y', 'x'], ['X-Y', 'a\\nb']]) {
        try { headers.set(field, value) } catch (cause) { note('bad ' + field + ' ' + cause.code) }
      }
      reenable()
      try { headers.append('X-Late', 'x') } catch (cause) { note('late ' + cause.code) }
    },
  }
  const on = (hook, short, usually) => hookAdd(hook, event => {
    const [what, where] = (event.args[name]?.what ?? event.headers.get('x-do') ?? '').split(' ')
    return (where === short ? doings[what] : usually)(event)
  })
  on('TS_HTTP_READ_REQUEST_HDR_HOOK', 'request', ({ method, url, client, vconn, origin, headers, args, reenable }) => {
    args[name] = { threadId, what: headers.get('X-Do') ?? '' }
    client.args[name] = (client.args[name] ?? 0) + 1
    note(['request', method, url, client === vconn, client.direction, origin].join(' '))
    headers.remove('x-do')
    headers.set('X-Several', ['a', 'b'])
    headers.append('X-Added', 'by ' + name)
    reenable()
  })
  on('TS_HTTP_SEND_REQUEST_HDR_HOOK', 'send', ({ vconn, origin, headers, args, schedule, reenable }) => {
    note(['send', vconn.direction, origin.vconn === vconn, origin.chain.length, headers.getAll('X-Several').join()].join(' '))
    headers.set('X-Same', String(args[name]?.threadId === threadId))
    schedule(reenable, 10)
  })
  on('TS_HTTP_READ_RESPONSE_HDR_HOOK', 'read', ({ status, headers, reenable }) => {
    headers.set('X-Status', String(status))
    reenable()
  })
  on('TS_HTTP_SEND_RESPONSE_HDR_HOOK', 'answer', ({ client, headers, args, reenable }) => {
    headers.set('X-Args', [args[name]?.threadId === threadId, client.args[name]].join(' '))
    reenable()
  })
  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', ({ status, args }) => note('over ' + status + ' ' + (args[name]?.threadId === threadId)))
}
`

interface Stage {
  readonly proxy: ProxyHere
  get(doing?: string): Promise<TimedResponse>
}

const origin = await nodeOrigin()

async function stage(t: Test, records: ProxyConf['records'] = {}): Promise<Stage> {
  const proxy = await startProxyHere({
    plugins: ['isolated.mjs @isolate=worker'],
    modules: { 'isolated.mjs': PLUGIN },
    hosts: ['origin.example'],
    records,
  })
  t.teardown(proxy.stop)
  const url = `http://origin.example:${origin.port}/`
  return {
    proxy,
    get: (doing = '') => get(proxy.port, url, [`X-Do: ${doing}`, 'Connection: close'], 20_000),
  }
}

atEnd(() => origin.stop())

test('a plugin in a worker holds and changes a request and its response', async t => {
  const { proxy, get } = await stage(t)
  const response = await get()
  t.equal(response.status, 200)
  const [sent] = origin.requests.slice(-1)
  t.match(sent?.headers, { 'x-several': 'a, b', 'x-added': 'by isolated', 'x-same': 'true' })
  t.equal(sent?.headers['x-do'], undefined)
  t.equal(response.header('x-status'), '200')
  t.equal(response.header('x-args'), 'true 1', 'the same args from the first hook to the last')
  await proxy.until(/request GET http:\/\/origin\.example:\d+\/ true inbound \n/)
  await proxy.until(/send outbound true 0 a,b/)
  await proxy.until(/over 200 true/)
})

test('a plugin in a worker rejects, fails, and cannot change protected fields', async t => {
  const { proxy, get } = await stage(t)
  t.equal((await get('no request')).status, 403)
  t.equal((await get('no send')).status, 403)
  t.equal((await get('no read')).status, 502)
  t.equal((await get('no answer')).status, 502)
  t.equal((await get('throws read')).status, 500)
  await proxy.until(
    /plugin isolated failed while it was asked about GET http\S+: oops \(at .*isolated\.\w+:\d+:\d+\)/,
  )
  const { status } = await get('bad send')
  t.equal(status, 200)
  for (const what of ['bad Host', 'bad X Y', 'bad X-Y', 'late'])
    await proxy.until(new RegExp(`${what} PTC_PLUGIN_CALL`))
  t.equal(origin.requests.at(-1)?.headers['x-late'], undefined)
})

test('a request is answered when the worker that holds it ends', async t => {
  const { proxy, get } = await stage(t, {
    'proxy.config.plugin.isolate.memory_mb': 32,
    'proxy.config.plugin.isolate.hang_timeout': 2000,
  })
  const cases = ['exit request', 'memory send', 'spin answer']
  for (const [i, doing] of cases.entries()) {
    let isHeld = true
    const held = get(doing).finally(() => {
      isHeld = false
    })
    // What another request has begun in that worker would be lost with it.
    if (doing === 'spin answer') await proxy.until(/spins/)
    const others = await Promise.all(Array.from({ length: 5 }, () => get()))
    t.ok(
      others.every(({ status }) => status === 200),
      `${doing}: others go on`,
    )
    if (doing === 'spin answer') t.ok(isHeld, 'meanwhile')
    t.equal((await held).status, 500, 'what it held is refused')
    await proxy.until(new RegExp(`(?:has a worker again[^]*){${i + 1}}`))
    t.equal((await get()).status, 200)
  }
})
