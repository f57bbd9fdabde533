import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Request } from '../../plugins/access-rules/lists.js'
import { findRule, parseRules } from '../../plugins/access-rules/rules-file.js'
import { get, rawClient } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'

const LISTS = `
lists:
  lan: { clients: [10.0.0.0/8, 192.0.2.7, fc00::/7, 198.51.100.1-198.51.100.9] }
  v6: { clients: "::/0" }
  web: { ports: [80, 443, 1025-65535] }
  tls: { ports: 443 }
  connect: { methods: CONNECT }
  good: { hosts: [.good.example, only.example, 203.0.113.9] }
`

const ASKED: Request = {
  ...{ client: '10.1.2.3', user: undefined, groups: [] },
  ...{ method: 'GET', host: 'a.good.example', port: 80 },
}

/** What the rules say about a request that differs from ASKED in this. */
function decide(rules: string, differs: Partial<Request> = {}): boolean | undefined {
  return findRule(parseRules(`${LISTS}rules:\n${rules}`, 'access.yaml'), { ...ASKED, ...differs })?.isAllowed
}

const SQUID = `
  - deny: ["!web"]
  - deny: [connect, "!tls"]
  - allow: [lan, good]
  - deny: []
`

test('the first rule all of whose lists hold decides', async t => {
  t.equal(decide(SQUID), true)
  t.equal(decide(SQUID, { port: 22 }), false, '! is a list that must not hold')
  t.equal(decide(SQUID, { method: 'CONNECT', port: 80 }), false)
  t.equal(decide(SQUID, { method: 'CONNECT', port: 443 }), true)
  t.equal(decide(SQUID, { client: '11.0.0.1' }), false)
  t.equal(decide(SQUID, { host: 'bad.example' }), false)
  t.equal(decide('  - allow: [tls]\n'), undefined, 'no rule: nothing is allowed')
})

test('lists', async t => {
  const held = (list: string, differs: Partial<Request>): boolean =>
    decide(`  - allow: [${list}]\n  - deny: []\n`, differs) === true
  for (const client of ['10.255.0.1', '192.0.2.7', 'fd00::1', '198.51.100.5'])
    t.ok(held('lan', { client }), client)
  for (const client of ['192.0.2.8', '2001:db8::1', '198.51.100.10']) t.notOk(held('lan', { client }), client)
  t.ok(held('v6', { client: '2001:db8::1' }))
  t.notOk(held('v6', {}), 'an IPv6 network is about no client of IPv4')
  for (const host of ['good.example', 'x.y.good.example', 'only.example', '203.0.113.9'])
    t.ok(held('good', { host }), host)
  for (const host of ['notgood.example', 'x.only.example', 'example', '203.0.113.8'])
    t.notOk(held('good', { host }), host)
  for (const port of [80, 1025, 65_535]) t.ok(held('web', { port }), String(port))
  for (const port of [81, 1024]) t.notOk(held('web', { port }), String(port))
})

test('mistakes have their place', async t => {
  const wrong = (text: string): string => {
    try {
      parseRules(text, 'access.yaml')
      return ''
    } catch (error) {
      return String(error)
    }
  }
  t.match(
    wrong('lists:\n  a:\n    clients: 10.0.0.0/33\nrules: []'),
    /access\.yaml:3: .*no address, no network/,
  )
  t.match(wrong('lists:\n  a:\n    ports: 70000\nrules: []'), /access\.yaml:3: .*no port/)
  t.match(
    wrong('lists:\n  a:\n    hosts: "*.example"\nrules: []'),
    /access\.yaml:3: .*write .*\.example\.net/,
  )
  t.match(wrong('lists: {}\nrules:\n  - allow: [a]'), /access\.yaml:3: there is no list a/)
  t.match(wrong('rules:\n  - permit: []'), /access\.yaml:2/)
})

async function start(t: Test, rules: string): Promise<ProxyHere> {
  const proxy = await startProxyHere({
    hosts: ['good.example', 'bad.example'],
    plugins: ['access_rules'],
    records: { 'proxy.config.http.connect_ports': '*', 'proxy.config.http.connect.verify': 'tunnel' },
    files: {
      'access.yaml': `lists:\n  good: { hosts: .good.example }\n  get: { methods: GET }\n  here: { clients: 127.0.0.1 }\n  there: { clients: 127.0.0.2 }\nrules:\n${rules}`,
    },
  })
  t.teardown(proxy.stop)
  return proxy
}

test('requests and tunnels are allowed and denied', async t => {
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  const proxy = await start(t, '  - allow: [good, get]\n')
  const good = await get(proxy.port, `http://good.example:${origin.port}/`)
  t.equal(good.status, 200)
  const bad = await get(proxy.port, `http://bad.example:${origin.port}/`)
  t.equal(bad.status, 403)
  t.match(String(bad.body), /no rule of access\.yaml does not allow GET to bad\.example/)

  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(`CONNECT good.example:${origin.port} HTTP/1.1\r\nHost: good.example\r\n\r\n`)
  t.equal((await client.response('CONNECT')).status, 403, 'CONNECT is a method like others')
})

test('rules about clients know the address of a client', async t => {
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  for (const [rules, status] of [
    ['  - deny: [here]\n  - allow: []\n', 403],
    ['  - allow: [here]\n', 200],
    ['  - deny: [there]\n  - allow: []\n', 200],
  ] as const) {
    const proxy = await start(t, rules)
    const { status: given } = await get(proxy.port, `http://good.example:${origin.port}/`)
    t.equal(given, status, rules)
  }
})

test('the file may be edited; without it everything is denied', async t => {
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  const proxy = await start(t, '  - allow: [good]\n')
  const status = async () => (await get(proxy.port, `http://good.example:${origin.port}/`)).status
  t.equal(await status(), 200)
  writeFileSync(join(proxy.conf.path, 'access.yaml'), 'rules:\n  - permit: everything\n')
  t.equal(await status(), 403, 'a mistake denies')
  writeFileSync(join(proxy.conf.path, 'access.yaml'), 'rules:\n  - allow: []\n')
  t.equal(await status(), 200)
})
