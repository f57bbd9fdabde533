/** What a client has in its hands when it was refused, or when what it was accepted for has changed: no session. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { SessionEvent } from '../../core/api/client-hooks.js'
import { reject } from '../../core/api/verdict.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import { HELLO, root, secureProxy } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const VERSIONS = ['1.2', '1.3'] as const
const WITH_CERTIFICATES = {
  'proxy.config.ssl.client.certification_level': 2,
  'proxy.config.ssl.CA.cert.filename': 'root.pem',
} as const
const dir = makeTempDir()
let files = 0
const fileName = (): string => `${dir.path}/${++files}.session`

async function certificate(notAfter?: Date): Promise<readonly string[]> {
  const mine = await root.issue({
    cn: 'client.example',
    eku: ['clientAuth'],
    ...(notAfter === undefined ? {} : { notAfter }),
  })
  const file = dir.file(`${++files}.pem`, mine.certPem + mine.keyPem)
  return ['-cert', file, '-key', file]
}

/** A plugin that keeps sessions. */
function store(): { readonly gate: HookGate; readonly kept: Map<string, Buffer> } {
  const kept = new Map<string, Buffer>()
  const onSession = (event: SessionEvent): unknown => {
    const id = event.id.toString('hex')
    if (event.op === 'new') return kept.set(id, event.session)
    if (event.op === 'remove') return kept.delete(id)
    const session = kept.get(id)
    if (session !== undefined) event.provide(session)
    return event.reenable()
  }
  return { gate: new HookGate({ TS_SSL_SESSION_HOOK: onSession }), kept }
}

for (const tls of VERSIONS)
  for (const isStored of [false, true]) {
    const kept = isStored ? 'sessions kept by a plugin' : 'tickets'

    test(`TLS ${tls}, ${kept}: a client that is refused has no session to come back with`, async t => {
      const sessions = store()
      const gate = new HookGate({
        TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => later(() => reenable(reject('revoked'))),
      })
      const { client } = await secureProxy(t, isStored ? [sessions.gate, gate] : [gate], {
        records: WITH_CERTIFICATES,
      })
      const file = fileName()
      t.match(await client({ tls, args: [...(await certificate()), '-sess_out', file] }), { body: undefined })
      t.notOk(existsSync(file), 'the client was given none')
      t.equal(sessions.kept.size, 0, 'and none is kept')
    })

    test(`TLS ${tls}, ${kept}: a session is for the name that it was made for`, async t => {
      const sessions = store()
      const gate = new HookGate({ TS_SSL_CERT_HOOK: ({ reenable }) => reenable() })
      const { client } = await secureProxy(t, isStored ? [sessions.gate, gate] : [gate])
      const file = fileName()
      t.match(await client({ tls, args: ['-sess_out', file] }), { isResumed: false })
      t.match(await client({ tls, args: ['-sess_in', file] }), { isResumed: true, body: HELLO })
      t.equal(gate.called.length, 1)
      t.match(await client({ tls, servername: 'other.example', args: ['-sess_in', file] }), {
        isResumed: false,
        shown: 'other.example',
      })
      t.equal(gate.called.length, 2, 'the plugin is asked about the other name')
    })

    test(`TLS ${tls}, ${kept}: a session ends with the certificate of the client`, async t => {
      const { client } = await secureProxy(t, isStored ? [store().gate] : [], { records: WITH_CERTIFICATES })
      const [file, ends] = [fileName(), Date.now() + 3000]
      const args = await certificate(new Date(ends))
      t.match(await client({ tls, args: [...args, '-sess_out', file] }), { body: HELLO })
      t.match(await client({ tls, args: ['-sess_in', file] }), { isResumed: true, body: HELLO })
      await sleep(Math.max(ends + 1100 - Date.now(), 0))
      t.not((await client({ tls, args: [...args, '-sess_in', file] })).body, HELLO)
    })
  }

for (const tls of VERSIONS) {
  test(`TLS ${tls}: a client that is refused when it resumes loses the session`, async t => {
    const sessions = store()
    const gate = new HookGate({
      TS_SSL_VERIFY_CLIENT_HOOK: ({ isResumed, reenable }) =>
        later(() => reenable(isResumed ? reject('revoked') : undefined)),
    })
    const { client } = await secureProxy(t, [sessions.gate, gate], { records: WITH_CERTIFICATES })
    const file = fileName()
    t.match(await client({ tls, args: [...(await certificate()), '-sess_out', file] }), { body: HELLO })
    const before = sessions.kept.size
    t.match(await client({ tls, args: ['-sess_in', file] }), { body: undefined })
    t.equal(sessions.kept.size, before - 1)
    t.not((await client({ tls, args: ['-sess_in', file] })).isResumed, true)
  })

  test(`TLS ${tls}: a plugin that has provided a session and does not accept has none`, async t => {
    const kept = new Map<string, Buffer>()
    const gate = new HookGate({
      TS_SSL_SESSION_HOOK: event => {
        if (event.op === 'new') kept.set(event.id.toString('hex'), event.session)
        if (event.op !== 'get') return
        t.ok(event.provide(kept.get(event.id.toString('hex')) ?? Buffer.alloc(0)))
        later(() => event.reenable(reject('revoked', 'it turned out')))
      },
    })
    const { client } = await secureProxy(t, [gate])
    const file = fileName()
    t.match(await client({ tls, args: ['-sess_out', file] }), { isResumed: false })
    t.match(await client({ tls, args: ['-sess_in', file] }), { isResumed: false, body: HELLO })
  })
}

test('every native object is freed when all connections have ended', async t => {
  dir.remove()
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
