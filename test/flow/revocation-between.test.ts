/** Revocations between an acceptance and what rests on it first: the Finished of the handshake, the request, the tunnel. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Test, test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { Revocation } from '../../core/api/plugin.js'
import { accept } from '../../core/api/verdict.js'
import { bumpFiles } from '../kit/bumping.js'
import { type Answer, asking, HOST, OTHER, startRevoking } from '../kit/revoking.js'

const MODULES = { 'first.mjs': asking('first'), 'second.mjs': asking('second') }

/** @param answer to each question; by default the first plugin accepts at once, and the second waits */
async function stage(t: Test, answer?: Answer, more: Readonly<Record<string, string>> = {}) {
  const conf = {
    plugins: ['first.mjs', 'second.mjs', ...Object.keys(more)],
    modules: { ...MODULES, ...more },
  }
  const waiting: Answer = ({ name, event }) => {
    if (name === 'first') event.reenable()
  }
  const made = await startRevoking(t, conf, answer ?? waiting)
  const tunnel = async (): Promise<number> => (await made.tunnel())()
  return { ...made, ask: { 'a request': made.request, 'a tunnel': tunnel } }
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

for (const step of ['reenabled', 'accepted'])
  test(`a plugin that hears \`portcullis:handshake:${step}\` and revokes has no Finished sent`, async t => {
    const { request, origin, asked } = await stage(t, ({ event }) => event.reenable())
    const onStep = (): void => asked[0]?.revoke({ host: HOST })
    subscribe(`portcullis:handshake:${step}`, onStep)
    t.teardown(() => unsubscribe(`portcullis:handshake:${step}`, onStep))
    t.equal(await request(), 502)
    t.strictSame([origin.handshakes.length, origin.requests.length], [0, 0])
  })

test('the built-in check that answers for a late plugin is an acceptance, too', async t => {
  const conf = { plugins: ['first.mjs @deadline=100 @late=builtin', 'second.mjs'], modules: MODULES }
  const { request, names } = await startRevoking(t, conf, ({ name, event, revoke }, count) => {
    if (name === 'second' && count === 1) revoke({ host: HOST })
    if (name === 'second' || count > 1) event.reenable()
  })
  t.equal(await request(), 200)
  t.strictSame(names(), ['first', 'second', 'first', 'second'])
})

for (const [revoked, asked] of [
  [HOST, [HOST, OTHER, HOST]],
  ['third.test', [HOST, OTHER]],
] as const)
  test(`a tunnel for another name than that of its CONNECT rests on both: ${revoked} is revoked`, async t => {
    const conf = { plugins: ['first.mjs'], modules: MODULES }
    const { tunnel, hosts } = await startRevoking(t, conf, ({ event, revoke }) => {
      if (event.host === OTHER) revoke({ host: revoked })
      event.reenable()
    })
    t.equal(await (await tunnel(OTHER))(), 200)
    t.strictSame(hosts(), asked)
  })

test('an acceptance that ends while the other name of its tunnel is judged was for this tunnel', async t => {
  const conf = { plugins: ['first.mjs'], modules: MODULES }
  const { tunnel, hosts } = await startRevoking(t, conf, ({ event }) => {
    setTimeout(() => event.reenable(accept({ expiresIn: 100 })), 150)
  })
  t.equal(await (await tunnel(OTHER))(), 200)
  t.strictSame(hosts(), [HOST, OTHER])
})

test('a tunnel whose CONNECT is revoked whenever its other name is judged is not opened', async t => {
  const conf = { plugins: ['first.mjs'], modules: MODULES }
  const { tunnel, hosts, origin } = await startRevoking(t, conf, ({ event, revoke }) => {
    for (const host of event.host === OTHER ? [HOST, OTHER] : []) revoke({ host })
    event.reenable()
  })
  t.equal(await (await tunnel(OTHER))(), 502)
  t.ok(hosts().length <= 6, `${hosts()}`)
  t.equal(origin.requests.length, 0)
})

test('a tunnel that is bumped under another name than that of its CONNECT rests on both until then', async t => {
  const conf = {
    plugins: ['first.mjs'],
    modules: MODULES,
    files: { ...(await bumpFiles()), 'sni.yaml': `sni:\n- {fqdn: ${OTHER}, connect_verify: bump}\n` },
  }
  const { tunnel, hosts, nth } = await startRevoking(t, conf, ({ event }) => event.reenable())
  const ca = conf.files['bump-ca.pem']
  t.equal(await (await tunnel(OTHER, ca))(), 200)
  t.strictSame(hosts(), [HOST, OTHER])
  const second = await tunnel(OTHER, ca) // HOST is known
  const { revoke } = await nth(1)
  revoke({ host: HOST })
  t.equal(await second(), 200)
  t.equal(hosts()[2], HOST, 'and is asked about again before the tunnel is bumped')
})

test('where an origin refuses a stored session, the acceptance of that session does not count for its certificate', async t => {
  const records = {
    'proxy.config.ssl.origin_session_cache': 1,
    'proxy.config.ssl.origin_session_cache.reverify_on_resume': 0,
    'proxy.config.http.origin_max_idle': 0,
  } as const
  const conf = { plugins: ['first.mjs'], modules: MODULES, records }
  const { request, origin, names } = await startRevoking(t, conf, ({ event, revoke }, count) => {
    if (count === 2) revoke({ host: HOST })
    event.reenable()
  })
  t.equal(await request(), 200)
  origin.forgetSessions()
  t.equal(await request(), 200)
  t.equal(names().length, 2, 'an answer behind the revocation is new')
})
