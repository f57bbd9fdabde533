/** What shows that a reload takes over the records about names. */

import { get } from '../kit/client.js'
import { type DnsQuestion, type DnsReply, type DnsServer, dnsServer } from '../kit/dns-server.js'
import type { ProxyConf } from '../kit/proxy.js'
import { HOST, lateStatusOf, plain, type ReloadCases, type Stage } from '../kit/reloading.js'

const NOWHERE = '127.0.0.9'
const NAME = 'x.names-under-test.example'

const server =
  (reply: (question: DnsQuestion) => DnsReply | undefined = () => ({ addresses: ['127.0.0.1'] })) =>
  async (later: Stage['later']): Promise<DnsServer> => {
    const dns = await dnsServer(reply)
    later(dns.stop)
    return dns
  }

interface TwoServers {
  readonly right: DnsServer
  readonly wrong: DnsServer
}

const twoServers = async (later: Stage['later']): Promise<TwoServers> => ({
  right: await server()(later),
  wrong: await server(() => ({ addresses: [NOWHERE] }))(later),
})

const silent = server(() => undefined)
const missing = server(() => ({ rcode: 'NXDOMAIN' }))

const asking =
  (records: ProxyConf['records'] = {}, more: ProxyConf = {}) =>
  ({ address }: DnsServer): ProxyConf => ({
    ...more,
    records: {
      'proxy.config.dns.nameservers': address,
      'proxy.config.dns.search_default_domains': 0,
      'proxy.config.http.origin_max_idle': 0,
      ...records,
    },
  })

const byName = (stage: Stage): Promise<number> =>
  get(stage.proxy.port, `http://${NAME}:${stage.origin.port}/`, [], 30_000).then(({ status }) => status)

/** How often one name is asked for by two requests. */
const twice = async (stage: Stage): Promise<number> => {
  const dns = stage.made as DnsServer
  const before = dns.count(NAME, 'A')
  for (let i = 0; i < 2; i++) await byName(stage)
  return dns.count(NAME, 'A') - before
}

let floods = 0

/** How many of three silent names are asked for at once. */
const atOnce = async (stage: Stage): Promise<number> => {
  const dns = stage.made as DnsServer
  const flood = `flood${floods++}`
  for (let i = 0; i < 3; i++) {
    const client = await stage.client()
    client.send(`GET http://n${i}.${flood}.example/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  }
  await new Promise(resolve => setTimeout(resolve, 700))
  return new Set(dns.questions.filter(({ name }) => name.includes(flood)).map(({ name }) => name)).size
}

/** What a name without a dot is asked for as. */
const searched = async (stage: Stage): Promise<unknown> => {
  const { questions } = stage.made as DnsServer
  const before = questions.length
  await get(stage.proxy.port, `http://box:${stage.origin.port}/`, [], 30_000)
  return questions[before]?.name
}

const SEARCH = {
  files: {
    'one.conf': 'nameserver 127.0.0.1\nsearch one.example\n',
    'two.conf': 'nameserver 127.0.0.1\nsearch two.example\n',
  },
}

export const NAME_CASES: ReloadCases<
  | 'proxy.config.dns.resolver'
  | 'proxy.config.dns.nameservers'
  | 'proxy.config.dns.resolv_conf'
  | 'proxy.config.dns.search_default_domains'
  | 'proxy.config.dns.max_dns_in_flight'
  | 'proxy.config.dns.max_in_flight_per_client'
  | 'proxy.config.hostdb.lookup_timeout'
  | 'proxy.config.hostdb.timeout'
  | 'proxy.config.hostdb.fail.timeout'
  | 'proxy.config.hostdb.max_size'
  | 'proxy.config.hostdb.host_file.path'
> = {
  'proxy.config.dns.resolver': {
    from: 'dns',
    to: 'system',
    make: server(),
    conf: asking({ 'proxy.config.hostdb.lookup_timeout': 2 }),
    probe: async stage => (await byName(stage)) === 200,
    expect: [true, false],
  },
  'proxy.config.dns.nameservers': {
    from: ({ right }: TwoServers) => right.address,
    to: ({ wrong }: TwoServers) => wrong.address,
    make: twoServers,
    conf: {
      records: { 'proxy.config.dns.search_default_domains': 0, 'proxy.config.http.origin_max_idle': 0 },
    },
    probe: byName,
    expect: [200, 502],
  },
  'proxy.config.dns.resolv_conf': {
    from: 'one.conf',
    to: 'two.conf',
    make: server(),
    conf: asking({ 'proxy.config.dns.search_default_domains': 1 }, SEARCH),
    probe: searched,
    expect: ['box.one.example', 'box.two.example'],
  },
  'proxy.config.dns.search_default_domains': {
    from: 1,
    to: 0,
    make: server(),
    conf: asking({ 'proxy.config.dns.resolv_conf': 'one.conf' }, SEARCH),
    probe: searched,
    expect: ['box.one.example', 'box'],
  },
  'proxy.config.dns.max_dns_in_flight': {
    from: 2,
    to: 50,
    make: silent,
    conf: asking(),
    probe: atOnce,
    expect: [1, 3], // one network has half of them at most
  },
  'proxy.config.dns.max_in_flight_per_client': {
    from: 1,
    to: 50,
    make: silent,
    conf: asking(),
    probe: atOnce,
    expect: [1, 3],
  },
  'proxy.config.hostdb.lookup_timeout': {
    from: 1,
    to: 60,
    make: silent,
    conf: asking(),
    probe: lateStatusOf(({ origin }) => `http://${NAME}:${origin.port}/`),
    expect: [504, 'waits'],
  },
  'proxy.config.hostdb.timeout': {
    from: 60,
    to: 0,
    make: server(),
    conf: asking(),
    probe: twice,
    expect: [1, 2],
  },
  'proxy.config.hostdb.fail.timeout': {
    from: 60,
    to: 0,
    make: missing,
    conf: asking(),
    probe: twice,
    expect: [1, 2],
  },
  'proxy.config.hostdb.max_size': {
    from: 10_485_760,
    to: 0,
    make: server(),
    conf: asking(),
    probe: twice,
    expect: [1, 2],
  },
  'proxy.config.hostdb.host_file.path': {
    from: 'one',
    to: 'two',
    conf: { files: { one: `127.0.0.1 ${HOST}\n`, two: `${NOWHERE} ${HOST}\n` } },
    probe: plain,
    expect: [200, 502],
  },
}
