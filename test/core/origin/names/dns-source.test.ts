import { type Test, test } from 'tap'
import { DnsSource } from '../../../../core/origin/names/dns-source.js'
import type { ResolvConf } from '../../../../core/origin/names/system-files.js'
import { type DnsQuestion, type DnsReply, dnsServer } from '../../../kit/dns-server.js'

const LIMITS = { total: 100, perClient: 100 }

async function start(
  t: Test,
  answer: (question: DnsQuestion) => DnsReply | undefined,
  conf: Partial<ResolvConf> = {},
) {
  const server = await dnsServer(answer)
  t.teardown(server.stop)
  const full = { nameservers: [server.address], search: [], ndots: 1, ...conf }
  const source = new DnsSource({ conf: () => full, limits: LIMITS, prefersIpv6: () => true })
  return { server, source, ask: (name: string) => source.ask(name).outcome }
}

test('both families of a name are asked for, with their TTL', async t => {
  const { server, ask } = await start(t, () => ({ addresses: ['192.0.2.1', '2001:db8::1'], ttl: 7 }))
  t.strictSame(await ask('a.example'), { addresses: ['2001:db8::1', '192.0.2.1'], ttl: 7000 })
  t.equal(server.count('a.example', 'A'), 1)
  t.equal(server.count('a.example', 'AAAA'), 1)
})

test('a family that answers late is not waited for', async t => {
  const { ask } = await start(t, ({ type }) =>
    type === 'AAAA' ? undefined : { addresses: ['192.0.2.1'], ttl: 3600 },
  )
  t.strictSame(
    await ask('a.example'),
    { addresses: ['192.0.2.1'], ttl: 2000 },
    'half an answer holds shortly',
  )
})

test('a family that has failed leaves the other one, for a short time', async t => {
  const { ask } = await start(t, ({ type }) =>
    type === 'AAAA' ? { rcode: 'SERVFAIL' } : { addresses: ['192.0.2.1'], ttl: 3600 },
  )
  t.strictSame(await ask('a.example'), { addresses: ['192.0.2.1'], ttl: 2000 })
})

test('a family without addresses is a complete answer', async t => {
  const { ask } = await start(t, () => ({ addresses: ['192.0.2.1'], ttl: 3600 }))
  t.strictSame(await ask('a.example'), { addresses: ['192.0.2.1'], ttl: 3_600_000 })
})

test('aliases are followed, and the shortest TTL counts', async t => {
  const { ask } = await start(t, () => ({
    aliases: ['b.example', 'c.example'],
    aliasTtl: 5,
    addresses: ['192.0.2.1'],
    ttl: 300,
  }))
  t.strictSame(await ask('a.example'), { addresses: ['192.0.2.1'], ttl: 5000 })
})

test('failures by code', async t => {
  const { ask } = await start(t, ({ name }) =>
    name === 'none.example' ? { rcode: 'NXDOMAIN' } : name === 'empty.example' ? {} : { rcode: 'SERVFAIL' },
  )
  t.strictSame(await ask('none.example'), { failed: 'ENOTFOUND' })
  t.strictSame(await ask('empty.example'), { failed: 'ENODATA' })
  t.strictSame(await ask('broken.example'), { failed: 'ESERVFAIL' })
  t.strictSame(await ask(`${'x'.repeat(64)}.example`), { failed: 'EBADNAME' })
})

test('an answer of a thousand addresses comes over TCP, and few are kept', async t => {
  const many = Array.from({ length: 1000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
  const { server, ask } = await start(t, () => ({ addresses: [...many, '2001:db8::1'] }))
  const outcome = await ask('many.example')
  t.equal('addresses' in outcome && outcome.addresses.length, 16)
  t.match(outcome, { addresses: ['2001:db8::1', '10.1.0.0'] }, 'of both families')
  t.ok(
    server.questions.some(({ over }) => over === 'tcp'),
    'over TCP',
  )
})

test('an answer with another id is passed over', async t => {
  const { ask } = await start(t, () => ({ forged: ['203.0.113.66'], addresses: ['192.0.2.1'], after: 10 }))
  t.match(await ask('a.example'), { addresses: ['192.0.2.1'] })
})

test('search domains and ndots', async t => {
  const known = new Set(['host.b.test', 'www.example.org', 'a.b.c.a.test'])
  const { server, ask } = await start(
    t,
    ({ name }) => (known.has(name) ? { addresses: ['192.0.2.1'] } : { rcode: 'NXDOMAIN' }),
    { search: ['a.test', 'b.test'], ndots: 2 },
  )
  const asked = async (name: string): Promise<readonly string[]> => {
    const before = server.questions.length
    await ask(name)
    return server.questions
      .slice(before)
      .filter(({ type }) => type === 'A')
      .map(question => question.name)
  }
  t.strictSame(await asked('host'), ['host.a.test', 'host.b.test'], 'until one has addresses')
  t.strictSame(await asked('www.org'), ['www.org.a.test', 'www.org.b.test', 'www.org'], 'fewer dots')
  t.strictSame(await asked('www.example.org'), ['www.example.org'], 'as many dots')
  t.strictSame(await asked('a.b.c'), ['a.b.c', 'a.b.c.a.test'], 'the domains come later')
  t.strictSame(await asked('host.'), ['host'], 'a dot at the end')
})

test('a question is cancelled, and others go on', async t => {
  const { server, source } = await start(t, ({ name }) =>
    name === 'silent.example' ? undefined : { addresses: ['192.0.2.1'], after: 300 },
  )
  const silent = source.ask('silent.example')
  const other = source.ask('a.example')
  t.equal(silent.cancel(), true)
  t.strictSame(await silent.outcome, { failed: 'ECANCELLED' })
  t.match(await other.outcome, { addresses: ['192.0.2.1'] })
  t.match(await source.ask('a.example').outcome, { addresses: ['192.0.2.1'] }, 'a channel is used again')
  t.equal(server.count('a.example'), 2, 'nothing is remembered here')
})

test('a name server that does not answer is followed by the next one', async t => {
  const dead = await dnsServer(() => undefined)
  t.teardown(dead.stop)
  const alive = await dnsServer(() => ({ addresses: ['192.0.2.1'] }))
  t.teardown(alive.stop)
  const conf = { nameservers: [dead.address, alive.address], search: [], ndots: 1 }
  const source = new DnsSource({ conf: () => conf, limits: LIMITS })
  t.match(await source.ask('a.example').outcome, { addresses: ['192.0.2.1'] })
  t.ok(dead.count('a.example') > 0)
})
