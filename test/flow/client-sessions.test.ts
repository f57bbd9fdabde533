/**
 * Sessions of clients, kept by a plugin: OpenResty's tests of session fetch and store (t/142, t/143), for TLS 1.2 and 1.3.
 * Longer than 250 lines because they share the store.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { SessionEvent, SessionGetEvent } from '../../core/api/client-hooks.js'
import { reject } from '../../core/api/verdict.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import type { ProxyConf } from '../kit/proxy.js'
import { startSClient } from '../kit/s-client.js'
import { HELLO, root, type SecureProxy, secureProxy } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const VERSIONS = ['1.2', '1.3'] as const
const dir = makeTempDir()
let files = 0

/** A plugin's store, and how it answers. */
class Sessions {
  readonly stored = new Map<string, Buffer>()
  readonly gate: HookGate
  onGet: (event: SessionGetEvent, session: Buffer | undefined) => unknown = (event, session) => {
    if (session !== undefined) event.provide(session)
    event.reenable()
  }

  constructor(options = '') {
    this.gate = new HookGate({ TS_SSL_SESSION_HOOK: event => this.#on(event) }, { options })
  }

  #on(event: SessionEvent): unknown {
    const id = event.id.toString('hex')
    if (event.op === 'get') return this.onGet(event, this.stored.get(id))
    if (event.op === 'new') this.stored.set(id, event.session)
    else this.stored.delete(id)
    return undefined
  }

  /** What it was told, in order. */
  get ops(): readonly string[] {
    return this.gate.of('TS_SSL_SESSION_HOOK').map(({ op }) => op)
  }
}

interface WorkerState extends SecureProxy {
  /** A full handshake. @returns the file to resume its session with */
  full(): Promise<string>
  /** Whether it was resumed; the request is answered in either case. */
  again(file: string): Promise<boolean | undefined>
}

async function start(
  t: Test,
  tls: (typeof VERSIONS)[number],
  gates: readonly HookGate[],
  conf: ProxyConf = {},
  args: readonly string[] = [],
): Promise<WorkerState> {
  const proxy = await secureProxy(t, gates, conf)
  return {
    ...proxy,
    full: async () => {
      const file = `${dir.path}/${++files}.pem`
      t.match(await proxy.client({ tls, args: [...args, '-sess_out', file] }), {
        isResumed: false,
        body: HELLO,
      })
      return file
    },
    again: async file => {
      const { isResumed, body } = await proxy.client({ tls, args: ['-sess_in', file] })
      t.equal(body, HELLO, 'answered')
      return isResumed
    },
  }
}

for (const tls of VERSIONS) {
  test(`TLS ${tls}: a plugin is asked for a session, and told of a new one`, async t => {
    const sessions = new Sessions()
    const { full, again } = await start(t, tls, [sessions.gate])
    const file = await full()
    const made = tls === '1.2' ? ['new'] : ['new', 'new'] // two tickets, as OpenSSL does it
    t.same(sessions.ops, made, 'a client without a session is not asked about one')
    const [first] = sessions.gate.of('TS_SSL_SESSION_HOOK')
    t.match(first, { sni: 'proxy.example', lifetime: 7_200_000 })
    t.equal(await again(file), true)
    t.same(sessions.ops, [...made, 'get', ...(tls === '1.2' ? [] : ['new'])])
    t.equal(await again(file), true, 'and once more')
  })

  test(`TLS ${tls}: the handshake waits for a plugin that fetches a session`, async t => {
    const sessions = new Sessions()
    const { full, port, client } = await start(t, tls, [sessions.gate])
    const file = await full()
    const parked: SessionGetEvent[] = []
    sessions.onGet = event => parked.push(event)
    const waiting = await startSClient({ port, tls, servername: 'proxy.example', args: ['-sess_in', file] })
    t.teardown(() => waiting.child.stop())
    const index = sessions.ops.length
    const event = await sessions.gate.next('TS_SSL_SESSION_HOOK', index)
    if (event.op !== 'get') throw new Error('a get')
    await sleep(100)
    t.notMatch(waiting.output(), /Reused|New,/, 'parked: nothing has been answered')
    t.equal((await client({ tls })).body, HELLO, 'others go on meanwhile')
    t.ok(event.provide(sessions.stored.get(event.id.toString('hex')) ?? Buffer.alloc(0)))
    event.reenable()
    await waiting.child.until(() => /^Reused, TLS/m.exec(waiting.output()) ?? undefined, 'the handshake')
    t.equal(event.provide(Buffer.alloc(1)), false, 'too late')
    t.equal(event.reenable(), 'ignored')
    t.equal(parked.length, 1)
  })

  test(`TLS ${tls}: a session that cannot be used costs a full handshake`, async t => {
    const sessions = new Sessions('@deadline=150')
    const { full, again } = await start(t, tls, [sessions.gate])
    const other = await full()
    const file = await full()
    t.ok(other)
    const wrong: Record<string, Sessions['onGet']> = {
      'there is none': ({ reenable }) => later(reenable),
      'it rejects': ({ reenable }) => reenable(reject('policy')),
      'it does not answer': () => {},
      garbage: ({ provide, reenable }) => {
        t.equal(provide(Buffer.from('garbage')), false)
        reenable()
      },
      'nothing of use': ({ provide, reenable }) => {
        t.equal(provide('text' as unknown as Uint8Array), false)
        reenable()
      },
      'cut short': ({ provide, reenable }, session) => {
        t.equal(provide(session?.subarray(0, 60) ?? Buffer.alloc(0)), false)
        reenable()
      },
      "another client's": ({ id, provide, reenable }) => {
        for (const [otherId, session] of sessions.stored)
          if (otherId !== id.toString('hex')) t.equal(provide(session), false)
        reenable()
      },
    }
    for (const [what, onGet] of Object.entries(wrong)) {
      sessions.onGet = onGet
      t.equal(await again(file), false, what)
    }
  })

  test(`TLS ${tls}: a client leaves while a plugin fetches its session`, async t => {
    const sessions = new Sessions()
    const { full, port } = await start(t, tls, [sessions.gate])
    const file = await full()
    sessions.onGet = () => {}
    const leaving = await startSClient({ port, tls, args: ['-sess_in', file] })
    const event = await sessions.gate.next('TS_SSL_SESSION_HOOK', sessions.ops.length)
    await leaving.child.stop()
    if (event.op !== 'get') throw new Error('a get')
    if (!event.signal.aborted)
      await new Promise(resolve => event.signal.addEventListener('abort', resolve, { once: true }))
    t.equal(event.provide(sessions.stored.get(event.id.toString('hex')) ?? Buffer.alloc(0)), false)
    t.equal(event.reenable(), 'ignored')
  })

  test(`TLS ${tls}: two plugins that keep sessions`, async t => {
    const [first, second] = [new Sessions(), new Sessions()]
    const { full, again } = await start(t, tls, [first.gate, second.gate])
    const file = await full()
    t.equal(await again(file), true)
    t.notOk(second.ops.includes('get'), 'the first one has it: the second is not asked')
    first.stored.clear()
    t.equal(await again(file), true)
    t.ok(second.ops.includes('get'))
  })

  test(`TLS ${tls}: plugins are asked again about a client that was accepted once`, async t => {
    const good = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
    const cert = dir.file(`client-${tls}.pem`, good.certPem + good.keyPem)
    let verdict: Parameters<SessionGetEvent['reenable']>[0]
    const verify = new HookGate({ TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => reenable(verdict) })
    const sessions = new Sessions()
    const { full, again, client } = await start(
      t,
      tls,
      [sessions.gate, verify],
      {
        records: {
          'proxy.config.ssl.client.certification_level': 2,
          'proxy.config.ssl.CA.cert.filename': 'root.pem',
        },
      },
      ['-cert', cert, '-key', cert],
    )
    const file = await full()
    t.equal(await again(file), true)
    const events = verify.of('TS_SSL_VERIFY_CLIENT_HOOK')
    t.same(
      events.map(({ isResumed }) => isResumed),
      [false, true],
    )
    t.match(events[1]?.chain[0]?.subject, /CN=client\.example/, 'the certificate is that of the session')
    verdict = reject('revoked')
    const before = sessions.ops.length
    t.match(await client({ tls, args: ['-sess_in', file] }), { body: undefined })
    t.notOk(sessions.ops.slice(before).includes('new'), 'no session is kept of a client that was rejected')
    t.equal(events.length, 3)
  })
}

for (const tls of VERSIONS) {
  test(`TLS ${tls}: a session that was found speaks for no plugin on another hook`, async t => {
    const good = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
    const cert = dir.file(`asked-${tls}.pem`, good.certPem + good.keyPem)
    let verdict: Parameters<SessionGetEvent['reenable']>[0]
    const first = new HookGate({ TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => reenable() })
    const second = new HookGate({ TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => reenable(verdict) })
    const sessions = new Sessions()
    const { full, client } = await start(
      t,
      tls,
      [sessions.gate, first, second],
      {
        records: {
          'proxy.config.ssl.client.certification_level': 2,
          'proxy.config.ssl.CA.cert.filename': 'root.pem',
        },
      },
      ['-cert', cert, '-key', cert],
    )
    const file = await full()
    verdict = reject('revoked')
    t.match(await client({ tls, args: ['-sess_in', file] }), { body: undefined })
    t.match(
      second.of('TS_SSL_VERIFY_CLIENT_HOOK').map(({ isResumed }) => isResumed),
      [false, true],
    )
  })
}

test('without a plugin that keeps them clients get tickets', async t => {
  for (const tls of VERSIONS) {
    const { full, again } = await start(t, tls, [])
    t.equal(await again(await full()), true, `TLS ${tls}`)
  }
})

test('a plugin that throws about a session disturbs no handshake', async t => {
  const text = `export default ({ hookAdd }) => hookAdd('TS_SSL_SESSION_HOOK', ({ op }) => { throw new Error('at ' + op) })`
  for (const tls of VERSIONS) {
    const { full, again, proxy } = await start(t, tls, [], {
      modules: { 'bad.mjs': text },
      plugins: ['bad.mjs'],
    })
    const file = await full()
    await proxy.until(/plugin bad failed on TS_SSL_SESSION_HOOK: .*at new/)
    t.equal(await again(file), false)
    await proxy.until(/plugin bad failed while it was asked about client .*at get/)
  }
})

test('every native object is freed when all connections have ended', async t => {
  dir.remove()
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
