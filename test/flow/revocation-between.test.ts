/** Revocations between an acceptance and what rests on it first: the Finished of the handshake, the request, the tunnel. */
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { Revocation } from '../../core/api/plugin.js'
import { get, rawClient } from '../kit/client.js'
import { hear } from '../kit/gate.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { startProxyHere } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const HOST = 'between.test'
const asking = (name: string): string => `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd, revoke }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => channel('between').publish({ name: '${name}', event, revoke }))`
const MODULES = { 'first.mjs': asking('first'), 'second.mjs': asking('second') }
const root = await makeAuthority({ name: 'Root' })
const issued = await root.issue({ cn: HOST })

interface Asked {
  readonly name: string
  readonly event: VerifyServerEvent
  readonly revoke: (what: Revocation) => void
}

/** @param answer to each question; by default the first plugin accepts at once, and the second waits */
async function stage(t: Test, answer?: (asked: Asked) => void, more: Readonly<Record<string, string>> = {}) {
  const origin = await nodeOrigin({ tls: issued })
  t.teardown(origin.stop)
  const asked: Asked[] = []
  hear(t, 'between', (one: Asked) => {
    asked.push(one)
    if (answer !== undefined) answer(one)
    else if (one.name === 'first') one.event.reenable()
  })
  const proxy = await startProxyHere({
    plugins: ['first.mjs', 'second.mjs', ...Object.keys(more)],
    modules: { ...MODULES, ...more },
    hosts: [HOST],
    ca: root.certPem,
    records: { 'proxy.config.http.connect_ports': '*' },
  })
  t.teardown(proxy.stop)
  const nth = (count: number): Promise<Asked> => poll(() => asked[count - 1], `question ${count}`)
  const request = async (): Promise<number> =>
    (await get(proxy.port, `https://${HOST}:${origin.port}/`)).status
  const tunnel = async (): Promise<number> => {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    const target = `${HOST}:${origin.port}`
    client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    const { status } = await client.response('CONNECT')
    if (status !== 200) return status
    const inside = await client.secure({ ca: root.certPem, servername: HOST })
    inside.send(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    return (await inside.response()).status
  }
  const names = (): readonly string[] => asked.map(({ name }) => name)
  return { asked, names, nth, origin, ask: { 'a request': request, 'a tunnel': tunnel } }
}

const ABOUT: Readonly<Record<string, (event: VerifyServerEvent) => Revocation>> = {
  'the host': ({ host }) => ({ host }),
  'the certificate': ({ chain }) => ({ certificate: chain[0]?.sha256 ?? '' }),
  everything: () => 'all',
}

for (const way of ['a request', 'a tunnel'] as const) {
  for (const [what, about] of Object.entries(ABOUT))
    test(`${way}: ${what} is revoked while the next plugin is asked: all are asked again`, async t => {
      const { ask, names, nth, origin } = await stage(t)
      const answer = ask[way]()
      const second = await nth(2)
      second.revoke(about(second.event))
      t.equal(origin.handshakes.length, 0)
      second.event.reenable()
      const again = await nth(4)
      t.equal(origin.handshakes.length, 0, 'no Finished came meanwhile')
      again.event.reenable()
      t.equal(await answer, 200)
      t.strictSame(names(), ['first', 'second', 'first', 'second'])
      t.equal(origin.requests.length, 1)
    })

  test(`${way}: what is revoked of another host asks no plugin again`, async t => {
    const { ask, names, nth } = await stage(t)
    const answer = ask[way]()
    const second = await nth(2)
    second.revoke({ host: 'other.test' })
    second.event.reenable()
    t.equal(await answer, 200)
    t.strictSame(names(), ['first', 'second'])
  })

  test(`${way}: a plugin that revokes and then accepts is taken at its word`, async t => {
    const { ask, names, origin } = await stage(t, ({ name, event, revoke }) => {
      if (name === 'first') revoke({ host: HOST })
      event.reenable()
    })
    t.equal(await ask[way](), 200)
    t.strictSame(names(), ['first', 'second'])
    if (way === 'a request') {
      t.equal(await ask[way](), 200)
      t.equal(origin.handshakes.length, 2, 'its connection is not kept: it was asked before')
    }
  })

  test(`${way}: a plugin that accepts and then revokes, each time, gets nothing sent`, async t => {
    const { ask, asked, origin } = await stage(t, ({ name, event, revoke }) => {
      event.reenable()
      if (name === 'second') revoke({ host: HOST })
    })
    t.equal(await ask[way](), 502)
    t.ok(asked.length <= 12, `${asked.length} questions`)
    t.equal(origin.requests.length, 0)
  })

  test(`${way}: so does one that revokes a moment later, with the handshake on its way`, async t => {
    const { ask, origin } = await stage(t, ({ name, event, revoke }) => {
      event.reenable()
      if (name === 'second') queueMicrotask(() => revoke('all'))
    })
    t.equal(await ask[way]().catch(() => 502), 502, 'a tunnel that is open ends with an alert')
    t.equal(origin.requests.length, 0)
  })
}

test('a revocation of another host while a request is held changes nothing, whatever was revoked before its acceptance', async t => {
  const holding = `
export default ({ hookAdd, revoke }) =>
  hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', ({ reenable }) => {
    revoke({ host: 'other.test' })
    setTimeout(() => reenable(), 20)
  })`
  const { ask, names, origin } = await stage(
    t,
    ({ name, event, revoke }) => {
      if (name === 'first') revoke({ host: HOST })
      event.reenable()
    },
    { 'holding.mjs': holding },
  )
  t.equal(await ask['a request'](), 200)
  t.strictSame(names(), ['first', 'second'])
  t.equal(origin.requests.length, 1)
})
