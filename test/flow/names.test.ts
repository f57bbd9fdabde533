/** Names whose name servers are silent, slow or hostile, and clients that ask for many of them. */
import { type Test, test } from 'tap'
import type { RecordName, Records } from '../../core/config/records-table.js'
import { createAuthority } from '../../core/tls/inbound/authority.js'
import { getOn, type RawClient, rawClient, requestText } from '../kit/client.js'
import { realHello } from '../kit/client-hellos.js'
import { type DnsQuestion, type DnsReply, type DnsServer, dnsServer } from '../kit/dns-server.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'

/** Clients of three networks. */
const BUSY = '127.0.0.1'
const OTHER = '127.0.0.2'

/** Far more than an answer takes on a busy machine, far less than a silent name holds. */
const SOON = 5000
const LOOKUP_TIMEOUT = 20

interface Stage {
  readonly dns: DnsServer
  readonly origin: NodeOrigin
  readonly proxy: ProxyHere
  client(from: string): Promise<RawClient>
  urlOf(name: string): string
  /** Asks for names from one address, each over a connection of its own, and waits until the server was asked. */
  flood(from: string, names: readonly string[], asked?: number): Promise<readonly RawClient[]>
}

/** Names that begin with `silent` are not answered; the others are this machine, unless `answer` says otherwise. */
async function start(
  t: Test,
  records: { readonly [N in RecordName]?: Records[N] } = {},
  answer: (question: DnsQuestion) => DnsReply | undefined = () => ({ addresses: ['127.0.0.1'] }),
  files: Readonly<Record<string, string>> = {},
): Promise<Stage> {
  const dns = await dnsServer(question => (question.name.startsWith('silent') ? undefined : answer(question)))
  t.teardown(dns.stop)
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  const proxy = await startProxyHere({
    files,
    records: {
      'proxy.config.dns.nameservers': dns.address,
      'proxy.config.dns.search_default_domains': 0,
      'proxy.config.hostdb.lookup_timeout': LOOKUP_TIMEOUT,
      'proxy.config.http.connect_ports': '*',
      ...records,
    },
  })
  t.teardown(proxy.stop)
  const client = async (from: string): Promise<RawClient> => {
    const one = await rawClient(proxy.port, '127.0.0.1', from)
    t.teardown(one.stop)
    return one
  }
  const urlOf = (name: string): string => `http://${name}:${origin.port}/`
  return {
    dns,
    origin,
    proxy,
    client,
    urlOf,
    flood: async (from, names, asked = names.length) => {
      const clients = await Promise.all(names.map(() => client(from)))
      for (const [i, name] of names.entries()) clients[i]?.send(requestText(urlOf(name)))
      await dns.until(() => (silentNames(dns).size >= asked ? true : undefined), `${asked} questions`)
      return clients
    },
  }
}

const silentNames = ({ questions }: DnsServer): ReadonlySet<string> =>
  new Set(questions.map(({ name }) => name).filter(name => name.startsWith('silent')))

const silent = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `silent${i}.test`)

for (const count of [8, 64])
  test(`${count} silent names delay no other name`, async t => {
    const { client, urlOf, flood } = await start(t, { 'proxy.config.dns.max_in_flight_per_client': 100 })
    await flood(BUSY, silent(count))
    const other = await getOn(await client(OTHER), urlOf('good.test'), [], SOON)
    t.equal(other.status, 200, `another client, in ${other.ms} ms`)
    const own = await getOn(await client(BUSY), urlOf('fine.test'), [], SOON)
    t.equal(own.status, 200, `the same client, in ${own.ms} ms`)
  })

test('a client that asks for more names than it may waits alone', async t => {
  const { dns, client, urlOf, flood } = await start(t, {
    'proxy.config.dns.max_dns_in_flight': 16,
    'proxy.config.dns.max_in_flight_per_client': 4,
  })
  await flood(BUSY, silent(40), 4)
  const other = await getOn(await client(OTHER), urlOf('good.test'), [], SOON)
  t.equal(other.status, 200, 'another client is served')
  t.equal(silentNames(dns).size, 4, 'the bound per client network')
  const known = await getOn(await client(BUSY), urlOf('good.test'), [], SOON)
  t.equal(known.status, 200, 'what is known is for everyone')
})

test('several clients together leave room for one more', async t => {
  const { client, urlOf, flood } = await start(t, {
    'proxy.config.dns.max_dns_in_flight': 16,
    'proxy.config.dns.max_in_flight_per_client': 16,
  })
  await flood('127.0.0.3', silent(20), 8)
  await flood('127.0.0.4', silent(40).slice(20), 12)
  const other = await getOn(await client(OTHER), urlOf('good.test'), [], SOON)
  t.equal(other.status, 200)
})

const WAYS = [
  ['GET', 'probe'],
  ['CONNECT', 'probe'],
  ['CONNECT', 'bump'],
  ['CONNECT', 'tunnel'],
] as const

for (const [method, mode] of WAYS)
  test(`a client that leaves frees its questions (${method}, ${mode})`, async t => {
    const authority = mode === 'bump' ? await createAuthority('Bump CA') : undefined
    const records = {
      'proxy.config.dns.max_in_flight_per_client': 2,
      'proxy.config.http.connect.verify': mode,
    }
    const { dns, client, urlOf } = await start(t, records, undefined, {
      'bump-ca.pem': authority?.certPem ?? '',
      'bump-ca.key': authority?.keyPem ?? '',
    })
    const gone: RawClient[] = []
    for (const name of silent(2)) {
      const one = await client(BUSY)
      gone.push(one)
      if (method === 'GET') one.send(requestText(urlOf(name)))
      else one.send(`CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`)
      if (mode !== 'bump') continue
      await one.response('CONNECT')
      one.send(await realHello({ servername: name }))
    }
    await dns.until(() => (silentNames(dns).size === 2 ? true : undefined), 'two questions')
    const waiting = getOn(await client(BUSY), urlOf('good.test'), [], SOON)
    for (const one of gone) one.reset()
    t.equal((await waiting).status, 200, 'the next one of its network has their place')
  })

test('a client gets 502, 503 or 504 and a reason when a name cannot be resolved', async t => {
  const { client, urlOf, dns } = await start(
    t,
    { 'proxy.config.hostdb.lookup_timeout': 1, 'proxy.config.hostdb.fail.timeout': 60 },
    ({ name }) => (name === 'none.test' ? { rcode: 'NXDOMAIN' } : { rcode: 'SERVFAIL' }),
  )
  const hear = async (name: string): Promise<string> => {
    const { status, header } = await getOn(await client(BUSY), urlOf(name), [], 15_000)
    return `${status} ${/error=(\w+)/.exec(header('proxy-status') ?? '')?.[1]}`
  }
  t.equal(await hear('none.test'), '502 dns_error')
  t.equal(await hear('none.test'), '502 dns_error')
  t.equal(dns.count('none.test'), 1, 'the failure is remembered')
  t.equal(await hear('broken.test'), '502 dns_error')
  t.equal(await hear('silent.test'), '504 dns_timeout')
})

test('a TTL of 0 is asked for anew', async t => {
  const { client, urlOf, dns } = await start(t, { 'proxy.config.http.origin_max_idle': 0 }, ({ name }) => ({
    addresses: ['127.0.0.1'],
    ttl: name === 'brief.test' ? 0 : 60,
  }))
  for (const name of ['brief.test', 'brief.test', 'long.test', 'long.test'])
    t.equal((await getOn(await client(BUSY), urlOf(name))).status, 200)
  t.equal(dns.count('brief.test'), 2)
  t.equal(dns.count('long.test'), 1)
})

test('a name that has come to mean a private address is refused', async t => {
  let asked = 0
  const { client, urlOf, origin } = await start(
    t,
    { 'proxy.config.http.deny_private_origins': 1, 'proxy.config.http.connect_attempts_timeout': 1 },
    () => {
      asked += 1
      return { addresses: asked <= 2 ? ['192.0.2.1', '127.0.0.1'] : ['127.0.0.1'], ttl: 0 }
    },
  )
  const first = await getOn(await client(BUSY), urlOf('rebound.test'), [], 15_000)
  t.not(first.status, 200)
  const second = await getOn(await client(BUSY), urlOf('rebound.test'), [], 15_000)
  t.equal(second.status, 403)
  t.strictSame(origin.requests, [], 'the address that was checked is the one that is dialled')
})

test('names are resolved by search domains of resolv.conf and by a host file', async t => {
  const { dns, client, urlOf, proxy } = await start(t, {}, ({ name }) =>
    name === 'intranet.corp.test' ? { addresses: ['127.0.0.1'] } : { rcode: 'NXDOMAIN' },
  )
  const ask = async (name: string): Promise<number> =>
    (await getOn(await client(BUSY), urlOf(name), [], SOON)).status
  t.equal(await ask('intranet'), 502)
  t.equal(await ask('localhost'), 200)
  t.equal(await ask('any.localhost'), 200)
  const asked = dns.questions.length
  proxy.conf.write({
    hosts: ['Mine.Test'],
    files: { 'resolv.conf': 'search corp.test\noptions ndots:1\n' },
    records: {
      'proxy.config.dns.nameservers': dns.address,
      'proxy.config.dns.resolv_conf': 'resolv.conf',
    },
  })
  await proxy.server.reload()
  t.equal(await ask('intranet'), 200, 'a reload has its own answers')
  t.equal(await ask('mine.test'), 200)
  t.strictSame([...new Set(dns.questions.slice(asked).map(({ name }) => name))], ['intranet.corp.test'])
})
