/**
 * The engine towards clients against the one towards origins, in memory, with the garbage collector at work. Longer than
 * 250 lines because each outcome of the engine stands beside the others.
 */
import fc from 'fast-check'
import { type Test, test } from 'tap'
import type { PeerEvidence } from '../../../../core/api/certificate.js'
import { accept } from '../../../../core/api/verdict.js'
import { settle } from '../../../../core/tls/judge/verdict.js'
import type { Progress } from '../../../../core/tls/openssl/engine.js'
import { InboundContext, type InboundContextOptions } from '../../../../core/tls/openssl/inbound-context.js'
import {
  InboundEngine,
  type InboundOutcome,
  type InboundProgress,
  type MadeSession,
} from '../../../../core/tls/openssl/inbound-engine.js'
import type { WantedSession } from '../../../../core/tls/openssl/inbound-sessions.js'
import {
  OutboundContext,
  type OutboundContextOptions,
} from '../../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine } from '../../../../core/tls/openssl/outbound-engine.js'
import type { OutboundSession } from '../../../../core/tls/openssl/outbound-session.js'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { collectGarbage, collectNewGarbage } from '../../../kit/garbage.js'
import { makeAuthority } from '../../../kit/pki.js'
import { atDate } from '../../../kit/wall-clock.js'

// Own process: it collects all garbage many times, which takes long where other files have left much.

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: 'proxy.test' })
const other = await root.issue({ cn: 'other.test' })
const mine = await root.issue({ cn: 'client.test', eku: ['clientAuth'] })
const HOUR = 3_600_000
const brief = await makeAuthority({ name: 'Brief', parent: root, notAfter: new Date(Date.now() + HOUR) })
const below = await brief.issue({ cn: 'below.test', eku: ['clientAuth'] })
const peer = settle({} as PeerEvidence, 'nobody', accept()) // with what the last client was shown

const natives = (): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(liveNatives()).filter(([, count]) => count > 0))
const atStart = natives()

/** A test whose native objects are all freed at its end. */
function benchTest(name: string, run: (t: Test, bench: Bench) => void): void {
  test(name, async t => {
    const bench = new Bench()
    try {
      run(t, bench)
    } finally {
      bench.free()
      collectGarbage()
    }
    t.same(natives(), atStart, 'nothing native is left')
  })
}

/** What a test has made. */
class Bench {
  readonly removed: Buffer[] = []
  readonly #made: { free(): void }[] = []

  free(): void {
    for (const thing of this.#made.reverse()) thing.free()
  }

  own<T extends { free(): void }>(thing: T): T {
    this.#made.push(thing)
    return thing
  }

  context(options: Partial<InboundContextOptions> = {}, issued = leaf): InboundContext {
    return this.own(
      new InboundContext({
        certificates: [{ chain: [issued.certPem], key: issued.keyPem, from: 'test' }],
        sessions: { onRemoveSession: id => this.removed.push(id) },
        sessionContext: Buffer.from('test'),
        sessionTimeout: 300,
        ...options,
      }),
    )
  }

  server(context: InboundContext): InboundEngine {
    return this.own(new InboundEngine(context, () => ['http/1.1']))
  }

  client(maxVersion: 'TLSv1.2' | 'TLSv1.3', options: Partial<OutboundContextOptions> = {}): OutboundEngine {
    const context = this.own(
      new OutboundContext({
        ...{ anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion, alpn: [], hasSessions: true },
        ...options,
      }),
    )
    return this.own(new OutboundEngine(context, { host: 'proxy.test', isAddress: false, sni: 'proxy.test' }))
  }
}

interface Ends {
  readonly client: Progress<'parked'>
  readonly server: InboundProgress
  /** Where the server has stopped, in order. */
  readonly stops: readonly InboundProgress[]
}

/** Until neither can go on; `atStop` is called before the server is let past a stop. */
function shake(
  client: OutboundEngine,
  server: InboundEngine,
  atStop: (stop: InboundProgress) => unknown = () => {},
): Ends {
  const stops: InboundProgress[] = []
  for (;;) {
    const progress = client.advance()
    if (progress === 'parked') Object.assign(peer.shown, client.peer())
    if (progress === 'parked') client.decide(0)
    const up = client.take()
    if (up !== undefined) server.receive(up)
    const state = server.advance()
    if (state === 'hello' || state === 'certificate' || (state === 'established' && !stops.includes(state))) {
      stops.push(state)
      if (atStop(state) === 'stop') return { client: progress, server: state, stops }
      server.goOn()
      if (state === 'established') server.release()
    }
    const down = server.take()
    if (down !== undefined) client.receive(down)
    if (state === 'certificate') collectGarbage()
    else collectNewGarbage()
    const isIdle = up === undefined && down === undefined && progress !== 'parked' && !isStop(state)
    if (isIdle) return { client: client.advance(), server: state, stops }
  }
}

const isStop = (state: InboundProgress): boolean => state === 'hello' || state === 'certificate'

const text = (got: Buffer | string): string => (typeof got === 'string' ? `(${got})` : got.toString('latin1'))

for (const version of VERSIONS) {
  benchTest(`${version}: a handshake stops once at each gate, and then carries data`, (t, bench) => {
    const [client, server] = [bench.client(version, { alpn: ['http/1.1'] }), bench.server(bench.context())]
    t.equal(server.read(), 'later')
    t.equal(server.write(Buffer.from('x')), 'failed', 'nothing is sent before the handshake')
    const ends = shake(client, server, () => collectGarbage())
    t.same(ends, {
      client: 'established',
      server: 'established',
      stops: ['hello', 'certificate', 'established'],
    })
    t.match(server.outcome(), { protocol: version, alpn: 'http/1.1', isResumed: false, chain: [] })
    client.write(Buffer.from('question'))
    server.receive(client.take() ?? Buffer.alloc(0))
    t.equal(text(server.read()), 'question')
    t.equal(server.write(Buffer.alloc(100_000, 'a')), 'done')
    client.receive(server.take() ?? Buffer.alloc(0))
    t.equal(text(client.read()), 'a'.repeat(100_000))
    server.shutdown()
    client.receive(server.take() ?? Buffer.alloc(0))
    t.equal(client.read(), 'end')
    server.free()
    server.free()
    t.same([server.take(), server.receive(Buffer.alloc(9))], [undefined, undefined])
    t.same(bench.removed, [], 'a session is not forgotten because its connection has ended')
  })

  benchTest(`${version}: a gate that nobody opens stays shut`, (t, bench) => {
    for (const gate of ['hello', 'certificate'] as const) {
      const [client, server] = [bench.client(version), bench.server(bench.context())]
      const ends = shake(client, server, stop => (stop === gate ? 'stop' : undefined))
      t.equal(ends.server, gate)
      for (let i = 0; i < 3; i++) t.equal(server.advance(), gate)
      t.equal(server.take(), undefined, 'nothing has been sent')
      t.notSame(client.advance(), 'established')
    }
  })

  benchTest(`${version}: the certificate is chosen at either gate`, (t, bench) => {
    for (const gate of ['hello', 'certificate'] as const) {
      const [client, server] = [bench.client(version), bench.server(bench.context())]
      const chosen = bench.context({}, other)
      shake(client, server, stop => {
        if (stop !== gate) return
        server.show(chosen)
        chosen.free() // what shows it keeps it
      })
      t.match(client.peer()?.sent[0], other.cert.raw, gate)
    }
  })

  benchTest(`${version}: a session`, (t, bench) => {
    const context = bench.context()
    const [client, server] = [bench.client(version), bench.server(context)]
    let kept: OutboundSession | undefined
    shake(client, server)
    client.onSession(session => {
      kept?.free()
      kept = bench.own(session)
    })
    client.read()
    const made = server.takeSessions()
    t.equal(made.length, version === 'TLSv1.2' ? 1 : 2)
    t.same(server.takeSessions(), [], 'is handed out once')
    const byId = new Map(made.map(({ id, session }) => [id.toString('hex'), session]))

    const again = (provide: (engine: InboundEngine) => unknown): Ends & { readonly isResumed: boolean } => {
      const [second, engine] = [bench.client(version), bench.server(context)]
      if (kept !== undefined) second.offer(kept, peer)
      const ends = shake(second, engine, stop => (stop === 'hello' ? provide(engine) : undefined))
      return { ...ends, isResumed: engine.outcome().isResumed }
    }
    const offered = (engine: InboundEngine): Buffer => {
      const id = engine.facts?.extensions.get(41)?.subarray(4, 36) ?? engine.facts?.legacySessionId
      return id ?? Buffer.alloc(0)
    }
    const wanted = (id: Buffer): WantedSession => ({ id, isTls13: version === 'TLSv1.3' })
    const right = (engine: InboundEngine): Buffer =>
      byId.get(offered(engine).toString('hex')) ?? Buffer.alloc(0)

    const resumed = again(engine =>
      t.ok(engine.provide(right(engine), wanted(offered(engine))), 'is found by its id'),
    )
    t.match(resumed, { client: 'established', isResumed: true, stops: ['hello', 'established'] })
    t.match(
      again(() => {}),
      { client: 'established', isResumed: false },
      'without it: a full handshake',
    )
    const wrong = again(engine =>
      t.notOk(engine.provide(right(engine), wanted(Buffer.alloc(32, 1))), 'of another id'),
    )
    t.match(wrong, { client: 'established', isResumed: false })
    const cut = again(engine =>
      t.notOk(engine.provide(right(engine).subarray(0, 50), wanted(offered(engine)))),
    )
    t.match(cut, { client: 'established', isResumed: false })
    const elsewhere = bench.context({ sessionContext: Buffer.from('another policy') })
    const [third, engine] = [bench.client(version), bench.server(elsewhere)]
    if (kept !== undefined) third.offer(kept, peer)
    shake(third, engine, stop =>
      stop === 'hello' ? engine.provide(right(engine), wanted(offered(engine))) : undefined,
    )
    t.equal(engine.outcome().isResumed, false, 'made under another policy')
  })

  benchTest(`${version}: a client's certificate`, (t, bench) => {
    const asking = bench.context({ clientCertificates: { level: 'required', anchors: [root.certPem] } })
    const certificate = { chain: [mine.certPem], key: mine.keyPem, from: 'test' }
    const [client, server] = [bench.client(version, { certificate }), bench.server(asking)]
    shake(client, server, stop => {
      if (stop === 'established') t.same(server.outcome().chain[0], mine.cert.raw)
    })
    const [none, strict] = [bench.client(version), bench.server(asking)]
    const ends = shake(none, strict)
    t.equal(ends.server, 'failed')
    t.match(strict.error?.reason, /did not return a certificate/)

    const [refused, refusing] = [bench.client(version, { certificate }), bench.server(asking)]
    const held = shake(refused, refusing, stop => (stop === 'established' ? 'stop' : undefined))
    t.equal(held.server, 'established')
    t.equal(refusing.take(), undefined, 'what is ready for the client stays inside')
    t.equal(refusing.write(Buffer.from('x')), 'failed')
    if (refused.advance() === 'established') refused.write(Buffer.from('early'))
    refusing.receive(refused.take() ?? Buffer.alloc(0))
    t.equal(refusing.read(), 'later', 'and nothing is read')
    t.equal(refusing.reject(), version === 'TLSv1.2' ? 'plain' : 'sealed')
    refused.receive(refusing.take() ?? Buffer.alloc(0))
    if (version === 'TLSv1.3') t.equal(refused.read(), 'failed', 'the alert comes as one')
    else t.notSame(refused.advance(), 'established', 'no Finished came')
    refusing.free()
    if (version === 'TLSv1.2') t.ok(bench.removed.length > 0, 'the session is forgotten')
    else t.same(refusing.takeSessions(), [], 'none has been made')
  })
}

for (const version of VERSIONS)
  for (const isStored of [false, true])
    benchTest(
      `${version}: an authority that expires ends a session ${isStored ? 'by id' : 'by ticket'}`,
      (t, bench) => {
        const context = bench.context({
          clientCertificates: { level: 'required', anchors: [root.certPem] },
          ...(isStored ? {} : { sessions: undefined }),
        })
        const chain = [below.certPem, brief.certPem]
        const certificate = { chain, key: below.keyPem, from: 'test' }
        const made: MadeSession[] = []
        let kept: OutboundSession | undefined
        const outcome = (): Partial<InboundOutcome> => {
          const [client, server] = [bench.client(version, { certificate }), bench.server(context)]
          if (kept !== undefined) client.offer(kept, peer)
          const wanted = { isTls13: version === 'TLSv1.3' }
          shake(client, server, stop => {
            if (stop === 'hello') made.find(({ id, session }) => server.provide(session, { id, ...wanted }))
          })
          client.onSession(session => {
            const owned = bench.own(session)
            kept ??= owned
          })
          client.read()
          if (made.length === 0) made.push(...server.takeSessions())
          const { isResumed, validUntil } = server.outcome()
          return { isResumed, validUntil }
        }
        const outcomeAt = (hours: number) => atDate(Date.now() + hours * HOUR, outcome)
        const validUntil = Date.parse(brief.cert.validTo)
        t.same(outcomeAt(0), { isResumed: false, validUntil }, 'the end of the path is that of the authority')
        t.same(outcomeAt(0.5), { isResumed: true, validUntil }, 'and stays in the session')
        t.same(outcomeAt(1.5), { isResumed: false, validUntil }, 'after which there is a full handshake')
      },
    )

for (const isStored of [false, true])
  benchTest(`TLSv1.3: resumed again and again for a day, ${isStored ? 'by id' : 'by ticket'}`, (t, bench) => {
    const context = bench.context(isStored ? {} : { sessions: undefined })
    const byId = new Map<string, Buffer>()
    let kept: OutboundSession | undefined
    const isResumed = (): boolean => {
      const [client, server] = [bench.client('TLSv1.3'), bench.server(context)]
      if (kept !== undefined) client.offer(kept, peer)
      shake(client, server, stop => {
        const id = server.facts?.extensions.get(41)?.subarray(4, 36) ?? Buffer.alloc(0)
        const session = byId.get(id.toString('hex'))
        if (stop === 'hello' && session !== undefined) server.provide(session, { id, isTls13: true })
      })
      client.onSession(session => {
        kept = bench.own(session)
      })
      client.read()
      for (const { id, session } of server.takeSessions()) byId.set(id.toString('hex'), session)
      return server.outcome().isResumed
    }
    t.same(
      [0, 10, 20, 25, 30].map(hours => atDate(Date.now() + hours * HOUR, isResumed)),
      [false, true, true, false, true],
    )
  })

benchTest('a session of one version is none of the other', (t, bench) => {
  const context = bench.context()
  for (const version of VERSIONS) {
    const [client, server] = [bench.client(version), bench.server(context)]
    shake(client, server)
    const [made] = server.takeSessions()
    const [id, session] = [made?.id ?? Buffer.alloc(0), made?.session ?? Buffer.alloc(0)]
    t.equal(server.provide(session, { id, isTls13: version === 'TLSv1.3' }), true)
    t.equal(server.provide(session, { id, isTls13: version === 'TLSv1.2' }), false)
  }
})

benchTest('no bytes are a session, but a session', (t, bench) => {
  const server = bench.server(bench.context())
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 32 }), (bytes, id) => {
      t.equal(server.provide(bytes, { id: Buffer.from(id), isTls13: true }), false)
    }),
    { numRuns: 200 },
  )
})

benchTest('many at a time, ended anywhere', (t, bench) => {
  const context = bench.context()
  const ends = ['hello', 'certificate', 'established', undefined] as const
  const live = Array.from({ length: 24 }, (_, i) => {
    const [client, server] = [bench.client('TLSv1.3'), bench.server(context)]
    const end = ends[i % ends.length]
    shake(client, server, stop => (stop === end ? 'stop' : undefined))
    return { client, server, i }
  })
  for (const { client, server, i } of live) {
    if (i % 3 === 0) server.free()
    else if (i % 3 === 1) client.free()
    collectGarbage()
  }
  t.equal(live.length, 24)
})

benchTest('what is no context', (t, bench) => {
  const certificate = { chain: [leaf.certPem], key: leaf.keyPem, from: 'x.pem' }
  for (const [options, message] of [
    [
      { certificates: [{ ...certificate, key: other.keyPem }] },
      /private key (for|does not belong to) x\.pem/,
    ],
    [{ certificates: [{ ...certificate, chain: ['x'] }] }, /certificate 1 of x\.pem/],
    [{ clientCertificates: { level: 'required', anchors: [] } }, /no authority/],
    [{ clientCertificates: { level: 'required', anchors: ['x'] } }, /anchor 1/],
    [{ groups: 'X25519:nonsense' }, /groups list "X25519:nonsense"/],
  ] as const)
    t.throws(() => bench.context(options), { code: 'PTC_TLS_CONTEXT', message })
})
