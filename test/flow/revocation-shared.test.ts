/** What several connections rest on is revoked: an answer that they share, and an https parent on their way. */
import { test } from 'tap'
import type { OutboundStartEvent } from '../../core/api/hooks.js'
import { accept, reject } from '../../core/api/verdict.js'
import { rawClient } from '../kit/client.js'
import { type Asked, asking, HOST, PARENT, startBehindParent, startRevoking } from '../kit/revoking.js'
import { listen } from '../kit/tcp-server.js'
import { poll } from '../kit/watch.js'

const VERIFY = 'TS_SSL_CERT_VERIFY_HOOK'
const STARTS = { modules: { 'starts.mjs': asking('starts', 'TS_VCONN_OUTBOUND_START_HOOK') } }

test('an answer that two handshakes share is revoked by what the first one goes on to: the second is not given it', async t => {
  const conf = {
    plugins: ['first.mjs', 'second.mjs'],
    modules: { 'first.mjs': asking('first', VERIFY, '{ coalesce: true }'), 'second.mjs': asking('second') },
    records: { 'proxy.config.diags.debug.enabled': 1, 'proxy.config.diags.debug.tags': 'ssl' },
  } as const
  const { nth, origin, proxy, request, names } = await startRevoking(
    t,
    conf,
    ({ name, event, revoke }, count) => {
      if (name === 'first') return count > 1 ? void event.reenable(reject('policy')) : undefined
      revoke({ host: HOST })
      event.reenable()
    },
  )
  const answers = [request(), request()]
  const first = await nth(1)
  await poll(() => proxy.output().split(' parked, asking ').length > 2, 'both handshakes wait')
  t.strictSame(names(), ['first'], 'they share a question')
  first.event.reenable()
  t.strictSame(await Promise.all(answers), [502, 502])
  t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  t.equal(
    names().filter(name => name === 'second').length,
    1,
    'the other one had no answer of the first plugin',
  )
})

for (const way of ['request', 'tunnel'] as const) {
  test(`${way}: a parent that is revoked while its origin is judged carries no Finished`, async t => {
    const { request, tunnel, origin, hosts } = await startBehindParent(t, ({ event, revoke }, count) => {
      if (count === 2) revoke({ host: PARENT })
      event.reenable()
    })
    t.equal(way === 'request' ? await request() : await (await tunnel())(), 200)
    t.strictSame(hosts().slice(0, 4), [PARENT, HOST, PARENT, HOST])
    t.equal(origin.handshakes.length, way === 'request' ? 1 : 2, 'one for the probe, and one of the client')
  })

  test(`${way}: a parent that is revoked each time carries nothing`, async t => {
    const { request, tunnel, origin, hosts } = await startBehindParent(t, ({ event, revoke }) => {
      if (event.host === HOST) revoke({ host: PARENT })
      event.reenable()
    })
    t.equal(way === 'request' ? await request() : await (await tunnel())(), 502)
    t.ok(hosts().length <= 8, `${hosts().length} questions`)
    t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  })
}

test('a parent that is revoked a moment after its acceptance gets no CONNECT', async t => {
  const { request, parent, hosts } = await startBehindParent(t, async ({ event, revoke }) => {
    event.reenable()
    await null
    if (event.host === PARENT) revoke({ host: PARENT })
  })
  t.equal(await request(), 502)
  t.strictSame([parent.asked, hosts().includes(HOST)], [[], false])
})

const BLIND = { records: { 'proxy.config.http.connect.verify': 'tunnel' } } as const

test('a tunnel that is never read ends at the first byte of its client, if its parent was revoked before', async t => {
  const { tunnel, nth, origin } = await startBehindParent(t, ({ event }) => event.reenable(), BLIND)
  const inside = await tunnel()
  const { revoke } = await nth(1)
  revoke({ host: 'other.test' })
  t.equal(await inside(), 200)
  const second = await tunnel()
  revoke({ host: PARENT })
  t.equal(await second(), 502)
  t.equal(origin.handshakes.length, 1)
})

test('behind an https parent, too, whatever a client sends passes in a tunnel that is never read', async t => {
  const origin = await listen(socket => socket.pipe(socket))
  t.teardown(origin.stop)
  const { proxy, nth } = await startBehindParent(t, ({ event }) => event.reenable(), BLIND)
  for (const text of [
    'CONNECT a:1 HTTP/1.1\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET /',
    '\x16binary',
  ]) {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    client.send(`CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 200)
    client.send(text)
    await poll(() => client.text().endsWith(text), text)
    const { revoke } = await nth(1)
    revoke({ host: PARENT })
    client.send('more')
    t.ok(await poll(() => client.text().endsWith(`${text}more`), 'an open one goes on'))
  }
})

for (const verify of ['tunnel', 'probe'] as const) {
  const records = { 'proxy.config.http.connect.verify': verify }
  // Without a plugin that could refuse it, a tunnel is never read.
  for (const [what, more] of Object.entries({ 'no other plugin': {}, 'another plugin': STARTS }))
    if (verify === 'probe' || more === STARTS)
      test(`${verify}, with ${what}: a parent that is revoked while a client is silent is judged anew for its tunnel`, async t => {
        const { tunnel, nth, hosts } = await startBehindParent(t, ({ event }) => event.reenable(), {
          ...more,
          records,
        })
        const inside = await tunnel()
        const { revoke } = await nth(1, 'certificates')
        revoke({ host: PARENT })
        const before = hosts().length
        t.equal(await inside(), 200)
        t.equal(hosts()[before], PARENT)
      })

  test(`${verify}: a tunnel whose parent is revoked while a plugin holds it is not opened`, async t => {
    const { origin, tunnel } = await startBehindParent(
      t,
      ({ event, revoke, ...asked }) => {
        if (isStart({ event, revoke, ...asked })) revoke({ host: PARENT })
        event.reenable()
      },
      { ...STARTS, records },
    )
    t.equal(await (await tunnel())(), 502)
    t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  })
}

for (const expiresIn of [0, 10])
  test(`a tunnel passes through a parent that is accepted for ${expiresIn} ms, less than a plugin holds the tunnel`, async t => {
    const { tunnel } = await startBehindParent(
      t,
      asked => {
        const { event } = asked
        if (isStart(asked)) setTimeout(() => event.reenable(), 30)
        else event.reenable(event.host === PARENT ? accept({ expiresIn }) : undefined)
      },
      { ...STARTS, records: { 'proxy.config.http.connect.verify': 'tunnel' } },
    )
    t.equal(await (await tunnel())(), 200)
  })

/** Whether a plugin is asked about the start of a connection to the origin. */
const isStart = ({ name, event }: Asked): boolean =>
  name === 'starts' && (event as unknown as OutboundStartEvent).host === HOST
