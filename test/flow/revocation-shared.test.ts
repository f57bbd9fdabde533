/** What several connections rest on is revoked: an answer that they share, and an https parent on their way. */
import { type Test, test } from 'tap'
import type { OutboundStartEvent, VerifyServerEvent } from '../../core/api/hooks.js'
import type { Revocation } from '../../core/api/plugin.js'
import { reject } from '../../core/api/verdict.js'
import { get, rawClient } from '../kit/client.js'
import { hear } from '../kit/gate.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { startParent } from '../kit/parent-proxy.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const HOST = 'www.origin.test'
const PARENT = 'localhost'
const VERIFY = 'TS_SSL_CERT_VERIFY_HOOK'
const START = 'TS_VCONN_OUTBOUND_START_HOOK'
const asking = (name: string, hook: string, options = ''): string => `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd, revoke }) =>
  hookAdd('${hook}', event => channel('resting').publish({ name: '${name}', event, revoke })${options})`

const root = await makeAuthority({ name: 'Root' })
const issued = await root.issue({ cn: HOST })

interface Asked<E = VerifyServerEvent> {
  readonly name: string
  readonly event: E
  readonly revoke: (what: Revocation) => void
}

async function stage(t: Test, conf: ProxyConf, answer: (asked: Asked, count: number) => void) {
  const origin = await nodeOrigin({ tls: issued })
  t.teardown(origin.stop)
  const asked: Asked[] = []
  hear(t, 'resting', (one: Asked) => {
    asked.push(one)
    answer(one, asked.filter(({ name }) => name === one.name).length)
  })
  const proxy = await startProxyHere({
    ca: root.certPem,
    ...conf,
    records: { 'proxy.config.http.connect_ports': '*', ...conf.records },
  })
  t.teardown(proxy.stop)
  const nth = (name: string, count: number): Promise<Asked> =>
    poll(() => asked.filter(one => one.name === name)[count - 1], `question ${count} to ${name}`)
  const request = async (): Promise<number> =>
    (await get(proxy.port, `https://${HOST}:${origin.port}/`)).status
  /** Opens a tunnel. @returns the status of a request in it; 502 where there is none, by an answer or an alert */
  const tunnel = async (): Promise<() => Promise<number>> => {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    const target = `${HOST}:${origin.port}`
    client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    const { status } = await client.response('CONNECT')
    return async () => {
      if (status !== 200) return status
      const inside = await client.secure({ ca: root.certPem, servername: HOST }).catch(() => undefined)
      if (inside === undefined) return 502
      inside.send(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
      return (await inside.response()).status
    }
  }
  return { asked, nth, origin, proxy, request, tunnel }
}

test('an answer that two handshakes share is revoked by what the first one goes on to: the second is not given it', async t => {
  const conf = {
    plugins: ['first.mjs', 'second.mjs'],
    modules: {
      'first.mjs': asking('first', VERIFY, ', { coalesce: true }'),
      'second.mjs': asking('second', VERIFY),
    },
    hosts: [HOST],
    records: { 'proxy.config.diags.debug.enabled': 1, 'proxy.config.diags.debug.tags': 'ssl' },
  } as const
  const { nth, origin, proxy, request, asked } = await stage(t, conf, ({ name, event, revoke }, count) => {
    if (name === 'first') return count > 1 ? void event.reenable(reject('policy')) : undefined
    revoke({ host: HOST })
    event.reenable()
  })
  const answers = [request(), request()]
  const first = await nth('first', 1)
  await poll(() => proxy.output().split(' parked, asking ').length > 2, 'both handshakes wait')
  t.equal(asked.length, 1, 'they share a question')
  first.event.reenable()
  t.strictSame(await Promise.all(answers), [502, 502])
  t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  t.equal(
    asked.filter(({ name }) => name === 'second').length,
    1,
    'the second had no answer of the first plugin',
  )
})

/** @param plugins beside the one that is asked about certificates */
async function behindParent(
  t: Test,
  answer: (asked: Asked, count: number) => void,
  { modules, records }: Pick<ProxyConf, 'modules' | 'records'> = {},
) {
  const leaf = await root.issue({ cn: PARENT })
  const parent = await startParent(t, { tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } })
  const made = await stage(
    t,
    {
      plugins: ['certificates.mjs', ...Object.keys(modules ?? {})],
      modules: { 'certificates.mjs': asking('certificates', VERIFY), ...modules },
      hosts: [],
      files: { 'parent.config': `dest_domain=. parent="https://${PARENT}:${parent.port}" go_direct=false\n` },
      ...(records === undefined ? {} : { records }),
    },
    answer,
  )
  const hosts = (): readonly string[] =>
    made.asked.filter(({ name }) => name === 'certificates').map(({ event }) => event.host)
  return { ...made, parent, hosts }
}

for (const way of ['request', 'tunnel'] as const) {
  test(`${way}: a parent that is revoked while its origin is judged carries no Finished`, async t => {
    const { request, tunnel, origin, hosts } = await behindParent(t, ({ event, revoke }, count) => {
      if (count === 2) revoke({ host: PARENT })
      event.reenable()
    })
    t.equal(way === 'request' ? await request() : await (await tunnel())(), 200)
    t.strictSame(hosts().slice(0, 4), [PARENT, HOST, PARENT, HOST])
    t.equal(origin.handshakes.length, way === 'request' ? 1 : 2, 'one for the probe, and one of the client')
  })

  test(`${way}: a parent that is revoked each time carries nothing`, async t => {
    const { request, tunnel, origin, hosts } = await behindParent(t, ({ event, revoke }) => {
      if (event.host === HOST) revoke({ host: PARENT })
      event.reenable()
    })
    t.equal(way === 'request' ? await request() : await (await tunnel())(), 502)
    t.ok(hosts().length <= 8, `${hosts().length} questions`)
    t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  })
}

const STARTS = { modules: { 'starts.mjs': asking('starts', START) } }

for (const verify of ['tunnel', 'probe'] as const) {
  test(`${verify}: a parent that is revoked while a client is silent is judged anew for its tunnel`, async t => {
    const { tunnel, nth, hosts } = await behindParent(t, ({ event }) => event.reenable(), {
      ...STARTS,
      records: { 'proxy.config.http.connect.verify': verify },
    })
    const inside = await tunnel()
    const { revoke } = await nth('certificates', 1)
    revoke({ host: PARENT })
    const before = hosts().length
    t.equal(await inside(), 200)
    t.equal(hosts()[before], PARENT)
  })

  test(`${verify}: a tunnel whose parent is revoked while a plugin holds it is not opened`, async t => {
    const { origin, tunnel } = await behindParent(
      t,
      ({ name, event, revoke }) => {
        if (name === 'starts' && (event as unknown as OutboundStartEvent).host === HOST)
          revoke({ host: PARENT })
        event.reenable()
      },
      { ...STARTS, records: { 'proxy.config.http.connect.verify': verify } },
    )
    t.equal(await (await tunnel())(), 502)
    t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  })
}
