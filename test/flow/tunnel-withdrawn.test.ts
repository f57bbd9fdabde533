/** A tunnel waits after its origin was verified, for the client or for a plugin. What ends the acceptance meanwhile reaches it. */
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { Revocation } from '../../core/api/plugin.js'
import { accept, reject, type Verdict } from '../../core/api/verdict.js'
import { rawClient } from '../kit/client.js'
import { A, confWith, root, start } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { moveDate } from '../kit/wall-clock.js'
import { poll } from '../kit/watch.js'

const MODULES = {
  'asked.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd, revoke }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => channel('tunnel asked').publish({ event, revoke }))`,
  'start.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd }) =>
  hookAdd('TS_VCONN_OUTBOUND_START_HOOK', ({ reenable }) => channel('tunnel start').publish(() => reenable()))`,
}

const CONF = { plugins: ['asked.mjs'], modules: MODULES }
const HELD = { plugins: ['asked.mjs', 'start.mjs'], modules: MODULES }

interface Asked {
  readonly event: VerifyServerEvent
  readonly revoke: (what: Revocation) => void
}

/** @param answers in their order; what is missing is an acceptance without an end */
async function stage(t: Test, answers: readonly (() => Verdict)[] = [], conf = CONF) {
  const asked: Asked[] = []
  hear(t, 'tunnel asked', (one: Asked) => {
    one.event.reenable(answers[asked.length]?.())
    asked.push(one)
  })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: A }) })
  t.teardown(origin.stop)
  const proxy = await start(t, conf)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  const target = `${A}:${origin.port}`
  client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  const opened = client.response('CONNECT').then(({ status }) => t.equal(status, 200))
  const get = async (): Promise<number> => {
    const inside = await client.secure({ ca: root.certPem, servername: A })
    inside.send(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    return (await inside.response()).status
  }
  const revoke = (): void => asked[0]?.revoke({ host: A })
  const reload = async (): Promise<void> => {
    proxy.conf.write(confWith(conf))
    await proxy.server.reload()
  }
  return { asked, get, opened, origin, proxy, reload, revoke }
}

test('a client that waits with its ClientHello: its origin is judged anew after a revocation and a reload', async t => {
  for (const what of ['revoke', 'reload'] as const) {
    const { asked, get, opened, ...does } = await stage(t)
    await opened
    await does[what]()
    t.equal(await get(), 200)
    t.equal(asked.length, 2, what)
  }
})

test('and after the end of the acceptance', async t => {
  const { asked, get, opened } = await stage(t, [() => accept({ expiresIn: 60_000 })])
  await opened
  moveDate(t, 61_000)
  t.equal(await get(), 200)
  t.equal(asked.length, 2)
})

test('an acceptance for one handshake lets its tunnel pass', async t => {
  const { asked, get, opened } = await stage(t, [() => accept({ expiresIn: 0 })])
  await opened
  moveDate(t, 1000)
  t.equal(await get(), 200)
  t.equal(asked.length, 1)
})

test('an origin that is then rejected gets no byte of the client', async t => {
  const { get, opened, origin, proxy, revoke } = await stage(t, [
    () => accept(),
    () => reject('policy', 'not any more'),
  ])
  await opened
  revoke()
  await t.rejects(get(), /alert access denied|alert number 49/i)
  t.equal(origin.requests.length, 0)
  t.match(proxy.output(), /not any more/)
})

test('a tunnel that a plugin holds: its origin is judged anew after a revocation', async t => {
  const starts: (() => void)[] = []
  hear(t, 'tunnel start', (go: () => void) => {
    if (starts.push(go) !== 2) go() // the first is the connection of the probe
  })
  const { asked, get, opened, revoke } = await stage(t, [], HELD)
  const second = await poll(() => starts[1], 'the connection of the tunnel')
  revoke()
  second()
  await opened
  t.equal(await get(), 200)
  t.equal(asked.length, 2)
})
