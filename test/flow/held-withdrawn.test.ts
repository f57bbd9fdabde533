/** A plugin holds a request that has its connection. What ends the acceptance meanwhile reaches it: no byte has gone. */
import { type Test, test } from 'tap'
import type { Revocation } from '../../core/api/plugin.js'
import { rawClient } from '../kit/client.js'
import { A, ask, B, confWith, nginx, RECORD, root, start } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { http2Origin } from '../kit/http2-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { moveDate } from '../kit/wall-clock.js'
import { poll } from '../kit/watch.js'

/** What the request of B is held on. */
const KINDS: Readonly<Record<string, ProxyConf['records']>> = {
  'a connection that was opened for another name': { [RECORD]: 1 },
  'HTTP/2': { [RECORD]: 0 },
  'HTTP/1.1': { [RECORD]: 0, 'proxy.config.ssl.client.alpn_protocols': 'http/1.1' },
}
const SHARED = 'a connection that was opened for another name'

const HOLDING = `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd, revoke }) => {
  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', ({ origin, reenable }) => {
    if (origin.verified.host !== '${B}') return reenable()
    channel('held withdrawn').publish({ revoke, release: () => reenable() })
  })
}`
const REJECTING = `
export default ({ hookAdd, reject }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => event.reenable(reject('policy', 'not any more')))`
/** Accepts for so many milliseconds, and counts. */
const BRIEF = `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd, accept }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    channel('held asked').publish(event.host)
    event.reenable(accept({ expiresIn: Number(argv[1]) }))
  })`
const MODULES = { 'holding.mjs': HOLDING, 'rejecting.mjs': REJECTING, 'brief.mjs': BRIEF }

interface Held {
  readonly revoke: (what: Revocation) => void
  readonly release: () => void
}

/** What the plugin holds, in order. */
function holds(t: Test, onHeld: (held: Held) => void = () => {}) {
  const held: Held[] = []
  hear(t, 'held withdrawn', (given: Held) => {
    held.push(given)
    onHeld(given)
  })
  const next = (count: number): Promise<Held> => poll(() => held[count - 1], `hold ${count}`)
  return { held, next }
}

/** A request for B that is held, after one for A. */
async function stage(t: Test, records: ProxyConf['records'], onHeld?: (held: Held) => void) {
  const port = await nginx(t)
  const { held, next } = holds(t, onHeld)
  const conf = { plugins: ['holding.mjs'], modules: MODULES, records: records ?? {} }
  const proxy = await start(t, conf)
  const first = await ask(proxy, A, port)
  t.equal(first.status, 200)
  const answer = ask(proxy, B, port)
  return { answer, conf, first, held, next, port, proxy, one: await next(1) }
}

for (const [on, records] of Object.entries(KINDS)) {
  test(`a revocation reaches a request that is held on ${on}`, async t => {
    const { answer, first, next, one } = await stage(t, records)
    one.revoke({ host: B })
    one.release()
    const two = await next(2)
    two.release()
    const { status, by, connection } = await answer
    t.strictSame([status, by], [200, B], 'by a handshake of its own')
    t.equal(Number(connection), Number(first.connection) + (on === SHARED ? 1 : 2), 'which came after it')
  })

  test(`a reload that rejects reaches a request that is held on ${on}`, async t => {
    const { answer, conf, held, one, proxy } = await stage(t, records)
    proxy.conf.write(confWith({ ...conf, plugins: ['holding.mjs', 'rejecting.mjs'] }))
    await proxy.server.reload()
    one.release()
    t.equal((await answer).status, 502)
    t.equal(held.length, 1)
    t.match(proxy.output(), /not any more/)
  })

  test(`a request that is held on ${on} is sent there where nothing has changed`, async t => {
    const { answer, first, held, one } = await stage(t, records)
    one.release()
    t.equal(Number((await answer).connection), Number(first.connection) + (on === SHARED ? 0 : 1))
    t.equal(held.length, 1)
  })
}

test('what is revoked of another host leaves a held request of HTTP/2 where it is', async t => {
  const { answer, first, held, one } = await stage(t, KINDS['HTTP/2'])
  one.revoke({ host: A })
  one.release()
  t.equal(Number((await answer).connection), Number(first.connection) + 1)
  t.equal(held.length, 1)
})

for (const protocol of ['h2,http/1.1', 'http/1.1'] as const) {
  const records = { 'proxy.config.ssl.client.alpn_protocols': protocol }
  const asked = (t: Test): string[] => {
    const hosts: string[] = []
    hear(t, 'held asked', (host: string) => hosts.push(host))
    return hosts
  }

  test(`${protocol}: an acceptance for one handshake lets its request leave`, async t => {
    const hosts = asked(t)
    const { next } = holds(t)
    const port = await nginx(t)
    const proxy = await start(t, { plugins: ['holding.mjs', 'brief.mjs 0'], modules: MODULES, records })
    t.equal((await ask(proxy, A, port)).status, 200, 'which no plugin holds')
    const answer = ask(proxy, B, port)
    const one = await next(1)
    moveDate(t, 1000)
    one.release()
    t.equal((await answer).status, 200, 'which waits')
    t.strictSame(hosts, [A, B])
  })

  test(`${protocol}: an acceptance that ends while its request is held is made anew`, async t => {
    const hosts = asked(t)
    const { next } = holds(t)
    const port = await nginx(t)
    const proxy = await start(t, { plugins: ['holding.mjs', 'brief.mjs 60000'], modules: MODULES, records })
    const answer = ask(proxy, B, port)
    const one = await next(1)
    moveDate(t, 61_000)
    one.release()
    const two = await next(2)
    two.release()
    t.equal((await answer).status, 200)
    t.strictSame(hosts, [B, B])
  })

  test(`${protocol}: no request takes a connection whose acceptance has ended, however late timers are`, async t => {
    const hosts = asked(t)
    const port = await nginx(t)
    const proxy = await start(t, { plugins: ['brief.mjs 60000'], modules: MODULES, records })
    const connections: unknown[] = []
    for (let i = 0; i < 2; i++) connections.push((await ask(proxy, A, port)).connection)
    t.equal(connections[0], connections[1])
    moveDate(t, 61_000)
    t.not((await ask(proxy, A, port)).connection, connections[0])
    t.strictSame(hosts, [A, A])
  })
}

test('a plugin that revokes while it is asked, each time, gets no request sent', async t => {
  const { answer, held } = await stage(t, KINDS['HTTP/1.1'], ({ revoke, release }) => {
    revoke({ host: B })
    release()
  })
  t.equal((await answer).status, 502)
  t.equal(held.length, 2)
})

for (const protocol of ['h2,http/1.1', 'http/1.1'] as const)
  test(`${protocol}: the body of a request whose connection was withdrawn arrives once, and whole`, async t => {
    const { next } = holds(t)
    const { port, seen } = await http2Origin(end => void t.teardown(end), [B], root)
    const records = { 'proxy.config.ssl.client.alpn_protocols': protocol }
    const proxy = await start(t, { plugins: ['holding.mjs'], modules: MODULES, records })
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    const body = 'x'.repeat(200_000)
    const head = `POST https://${B}:${port}/echo HTTP/1.1\r\nHost: ${B}:${port}\r\nContent-Length: ${body.length}`
    client.send(`${head}\r\n\r\n${body}`)
    const one = await next(1)
    one.revoke({ host: B })
    one.release()
    const two = await next(2)
    two.release()
    const answer = await client.response('POST')
    t.equal(answer.status, 200)
    t.ok(answer.body.toString() === body)
    t.same(
      seen.map(({ url }) => url),
      ['/echo'],
    )
  })
