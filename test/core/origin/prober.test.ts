// Longer than 250 lines because all cases share one stage of simulated handshakes.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { PeerEvidence } from '../../../core/api/certificate.js'
import { hostOf } from '../../../core/base/authority.js'
import { ProxyError } from '../../../core/base/errors.js'
import { Prober } from '../../../core/origin/prober.js'
import type { IsRevoked } from '../../../core/tls/judge/revocation.js'
import { Revocations } from '../../../core/tls/judge/revocations.js'
import { settle } from '../../../core/tls/judge/verdict.js'
import type { StartTls, TlsTarget } from '../../../core/tls/outbound/start-tls.js'
import { TcpLink } from '../../../core/vconn/tcp-link.js'
import { ProxyVConn } from '../../../core/vconn/vconn.js'
import { NO_NAMES } from '../../kit/names.js'
import { type Issued, makeAuthority } from '../../kit/pki.js'
import { listen, type TcpServer } from '../../kit/tcp-server.js'
import { moveDate } from '../../kit/wall-clock.js'
import { poll } from '../../kit/watch.js'

interface Stage {
  readonly prober: Prober
  readonly revoke: (isRevoked: IsRevoked) => number
  readonly server: TcpServer
  /** How many handshakes there were, and what their signals say. */
  readonly signals: AbortSignal[]
  readonly policy: {
    digest: string
    ttl: number
    notAfter: Date
    anchor: Issued
    answer: 'accept' | 'reject' | 'wait'
    expiresIn: number | undefined
    isDenied: boolean
    /** Between the verdict and the end of the handshake. */
    finish: () => Promise<void>
  }
  dialled(): Promise<TcpLink>
  readonly to: (host: string, client?: string) => TlsTarget
}

/** Handshakes are simulated: these tests are about when they are made, and how long they count. */
async function setUp(t: Test): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  // The links of verified connections are left open: their other ends reset them.
  const server = await listen(socket => t.teardown(() => socket.resetAndDestroy()))
  t.teardown(server.stop)
  const signals: AbortSignal[] = []
  const policy: Stage['policy'] = {
    digest: 'one',
    ttl: 60_000,
    notAfter: new Date(Date.now() + 3_600_000),
    anchor: root,
    answer: 'accept',
    expiresIn: undefined,
    isDenied: false,
    finish: () => Promise.resolve(),
  }
  const startTls: StartTls = async (link, { host }, signal) => {
    signals.push(signal)
    if (policy.answer === 'wait') {
      await once(signal, 'abort')
      throw new ProxyError('PTC_CLIENT_GONE', 'nobody waits')
    }
    if (policy.answer === 'reject') throw new ProxyError('PTC_VERIFY_REJECTED', 'no')
    const { certPem } = await root.issue({ cn: host, notAfter: policy.notAfter })
    const x509 = new X509Certificate(certPem)
    const chain = [{ x509, sha256: `leaf of ${host}` }]
    const builtChain = [...chain, { x509: policy.anchor.cert }]
    const evidence = { chain, builtChain } as unknown as PeerEvidence
    const revocations = revoking.log.count
    const { shown: vconn } = new ProxyVConn('outbound', link, () => undefined)
    const expiresAt = policy.expiresIn === undefined ? undefined : Date.now() + policy.expiresIn
    const peer = settle(evidence, 'plugins', { kind: 'accept' }, { expiresAt })
    await policy.finish()
    return { link, peer, vconn, revocations }
  }
  const revoking = new Revocations()
  const prober = new Prober({
    revocations: revoking.log,
    dial: () => ({ connectTimeout: 2000, names: NO_NAMES, isDenied: () => policy.isDenied }),
    startTls,
    policyDigest: () => policy.digest,
    ttl: () => policy.ttl,
    maxKnown: 4,
  })
  revoking.join('addresses', isRevoked => prober.revoke(isRevoked))
  const revoke = (isRevoked: IsRevoked): number => revoking.revoke(isRevoked).addresses
  const dialled = async (): Promise<TcpLink> => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    t.teardown(() => socket.destroy())
    return new TcpLink(socket, 'origin')
  }
  const to = (host: string, client = '192.0.2.1'): TlsTarget => ({ host, port: server.port, client })
  return { prober, revoke, server, signals, policy, dialled, to }
}

const never = new AbortController().signal

test('a verdict holds for one name at one address under one policy', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  const probe = async (host: string) => prober.verify(await dialled(), to(host), never)
  const first = await probe('a.example')
  t.equal(first.acceptance.leafSha256, 'leaf of a.example')
  t.equal(hostOf(first.tcp.remoteAddress), '127.0.0.1')
  const tcp = await dialled()
  t.equal((await prober.verify(tcp, to('a.example'), never)).tcp, tcp, 'the connection is used as it is')
  t.equal(signals.length, 1)
  await probe('b.example')
  t.equal(signals.length, 2, 'another name')
  policy.digest = 'two'
  await probe('a.example')
  t.equal(signals.length, 3, 'another policy')
  ;(await probe('a.example')).forget()
  t.equal(signals.length, 3)
  await probe('a.example')
  t.equal(signals.length, 4, 'forgotten')
})

test('a verdict ends with its time, and with the certificate', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  const probe = async () => prober.verify(await dialled(), to('a.example'), never)
  policy.ttl = 30
  await probe()
  await sleep(50)
  await probe()
  t.equal(signals.length, 2)
  policy.ttl = 0
  policy.digest = 'two'
  await probe()
  await probe()
  t.equal(signals.length, 4, 'nothing is kept')
  policy.ttl = 60_000
  policy.notAfter = new Date(Date.now() - 1000)
  policy.digest = 'three'
  await probe()
  await probe()
  t.equal(signals.length, 6, 'an expired certificate that was accepted all the same')
  policy.notAfter = new Date(Date.now() + 3_600_000)
  policy.digest = 'four'
  await probe()
  await probe()
  t.equal(signals.length, 7, 'one in its time')
  policy.anchor = await makeAuthority({ name: 'Old', notAfter: new Date(Date.now() - 1000) })
  policy.digest = 'five'
  await probe()
  await probe()
  t.equal(signals.length, 9, 'one in its time, under an authority that has expired')
})

test('a verdict ends with the certificate also where the clock of the cache stood still', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  const probe = async () => prober.verify(await dialled(), to('a.example'), never)
  policy.ttl = 120_000
  policy.notAfter = new Date(Date.now() + 60_000)
  await probe()
  await probe()
  t.equal(signals.length, 1)
  moveDate(t, 61_000)
  await probe()
  t.equal(signals.length, 2)
})

test('a revocation forgets probes and what they rest on', async t => {
  const { prober, revoke, signals, policy, dialled, to } = await setUp(t)
  const probe = async (host: string) => prober.verify(await dialled(), to(host), never)
  for (const host of ['a.example', 'b.example']) await probe(host)
  t.equal(
    revoke((host, leaf) => host === 'a.example' && leaf()?.certificate === 'leaf of a.example'),
    1,
  )
  await probe('b.example')
  t.equal(signals.length, 2, 'what is not about it holds on')
  await probe('a.example')
  t.equal(signals.length, 3, 'what is, is verified again')

  policy.ttl = 60_000
  policy.digest = 'two'
  const links = [await dialled(), await dialled()]
  const early = prober.verify(links[0] as TcpLink, to('a.example'), never)
  revoke(host => host === 'a.example')
  t.equal(prober.probes, 0, 'a handshake from before is not joined')
  const late = prober.verify(links[1] as TcpLink, to('a.example'), never)
  t.equal(signals.length, 5)
  await Promise.all([early, late])
  await probe('a.example')
  t.equal(signals.length, 5, 'that of the next is kept')
  policy.digest = 'three'
  const tcp = await dialled()
  const only = prober.verify(tcp, to('a.example'), never)
  policy.finish = async () => void revoke(host => host === 'a.example')
  await only
  policy.finish = async () => void revoke(host => host === 'b.example')
  await probe('a.example')
  t.equal(signals.length, 7, 'its own is not')
  await probe('a.example')
  t.equal(signals.length, 7, 'where another host was revoked it is')
})

test('a rejection reaches every tunnel that waits, and is not kept', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  const probe = async () => prober.verify(await dialled(), to('a.example'), never)
  policy.answer = 'reject'
  const links = [await dialled(), await dialled()]
  const all = await Promise.allSettled(links.map(tcp => prober.verify(tcp, to('a.example'), never)))
  t.match(all, [{ reason: { code: 'PTC_VERIFY_REJECTED' } }, { reason: { code: 'PTC_VERIFY_REJECTED' } }])
  t.equal(signals.length, 1)
  t.equal(prober.probes, 0)
  policy.answer = 'accept'
  await probe()
  t.equal(signals.length, 2)
})

test('a probe ends when no tunnel waits for it any more', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  policy.answer = 'wait'
  const leaving = [new AbortController(), new AbortController()]
  const links = [await dialled(), await dialled()]
  const waiting = leaving.map(({ signal }, i) =>
    prober.verify(links[i] as TcpLink, to('a.example'), signal).catch((cause: unknown) => cause),
  )
  leaving[0]?.abort()
  t.match(await waiting[0], { code: 'PTC_CLIENT_GONE' })
  t.equal(signals[0]?.aborted, false)
  leaving[1]?.abort()
  const next = await dialled()
  policy.answer = 'accept'
  t.match(await waiting[1], { code: 'PTC_CLIENT_GONE' })
  t.equal(signals[0]?.aborted, true)
  t.ok(await prober.verify(next, to('a.example'), never), 'who comes now gets a probe of its own')
  await sleep(0)
  t.equal(prober.probes, 0)
})

test('clients of another network do not wait for the turns of this one', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  policy.answer = 'wait'
  const gone = new AbortController()
  const probe = async (client: string) =>
    prober.verify(await dialled(), to('a.example', client), gone.signal).catch((cause: unknown) => cause)
  const all = ['192.0.2.1', '192.0.2.1', '192.0.2.2'].map(probe)
  await poll(() => signals.length >= 2, 'two handshakes')
  await sleep(20)
  t.equal(signals.length, 2, 'one handshake for each network')
  gone.abort()
  await Promise.all(all)
})

test('a client network that opens many tunnels evicts its own verdicts', async t => {
  const { prober, signals, dialled, to } = await setUp(t)
  const probe = async (host: string, client: string): Promise<unknown> =>
    prober.verify(await dialled(), to(host, client), never)
  await probe('mine.example', '192.0.2.2')
  for (let i = 0; i < 10; i++) await probe(`${i}.example`, '192.0.2.1')
  t.equal(signals.length, 11)
  await probe('mine.example', '192.0.2.2')
  t.equal(signals.length, 11, 'the verdict of the other network is still known')
  await probe('0.example', '192.0.2.1')
  t.equal(signals.length, 12, 'one of its own is not')
})

test('a revocation between the verdict and the end of the handshake reaches its tunnel', async t => {
  const { prober, revoke, policy, dialled, to } = await setUp(t)
  policy.ttl = 0
  const holds = async (): Promise<boolean> =>
    (await prober.verify(await dialled(), to('a.example'), never)).holds()
  policy.finish = async () => void revoke(host => host === 'a.example')
  t.equal(await holds(), false)
  policy.finish = async () => void revoke(host => host === 'b.example')
  t.equal(await holds(), true)
  policy.finish = () => Promise.resolve()
  t.equal(await holds(), true)
})

test('an acceptance for one handshake serves one tunnel of those that wait for it', async t => {
  const { prober, signals, policy, dialled, to } = await setUp(t)
  policy.expiresIn = 0
  const links = [await dialled(), await dialled(), await dialled()]
  const all = await Promise.all(links.map(tcp => prober.verify(tcp, to('a.example'), never)))
  t.equal(signals.length, 3)
  t.strictSame(
    all.map(({ holds }) => holds()),
    [true, true, true],
  )
  t.equal(prober.probes, 0)
  policy.expiresIn = 60_000
  const more = [await dialled(), await dialled()]
  await Promise.all(more.map(tcp => prober.verify(tcp, to('a.example'), never)))
  t.equal(signals.length, 4, 'one that lasts serves both')
})

test('a reload that denies the address reaches a tunnel that waits', async t => {
  const { prober, policy, dialled, to } = await setUp(t)
  for (const what of ['new', 'known']) {
    policy.isDenied = false
    const { holds } = await prober.verify(await dialled(), to('a.example'), never)
    t.equal(holds(), true, what)
    policy.isDenied = true
    t.equal(holds(), false, what)
  }
})
