/** What must not pass by a parent proxy: loops, private addresses, answers without end. */
import type { Socket } from 'node:net'
import { test } from 'tap'
import { get, rawClient } from '../kit/client.js'
import { httpsOrigin } from '../kit/connecting.js'
import { all, HOST, startBehind, startParent } from '../kit/parent-proxy.js'
import { listen } from '../kit/tcp-server.js'

test('a request that comes back by the parent is a loop', async t => {
  const { proxy, ask } = await startBehind(t, '# filled in below\n')
  const via = async (method: string, fields: readonly string[]) => {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    const target = method === 'CONNECT' ? `${HOST}:443` : `http://${HOST}/`
    client.send(`${method} ${target} HTTP/1.1\r\nHost: ${HOST}\r\n${fields.join('\r\n')}\r\n\r\n`)
    return client.response(method)
  }
  const to = await startParent(t, { hosts: { [HOST]: '127.0.0.1' } })
  proxy.conf.write({
    files: { 'parent.config': all(to) },
    records: { 'proxy.config.http.connect_ports': '*' },
  })
  await proxy.server.reload()
  await (await ask(`${HOST}:1`)).response('CONNECT')
  const own = to.headers[0]?.via ?? ''
  t.match(own, /^1\.1 /)
  for (const method of ['CONNECT', 'GET'])
    t.equal((await via(method, [`Via: 1.1 other, ${own}`])).status, 508, method)
  const self = await startBehind(t, '# none\n')
  self.proxy.conf.write({
    files: { 'parent.config': `dest_domain=. parent="127.0.0.1:${self.proxy.port}" go_direct=false\n` },
  })
  await self.proxy.server.reload()
  t.equal((await get(self.proxy.port, `http://${HOST}/`)).status, 508, 'a parent that is this proxy itself')
})

test('a name that leads to this machine does not reach the ports of the proxy by a parent', async t => {
  const to = await startParent(t, { hosts: { localhost: '127.0.0.1' } })
  const { proxy, ask } = await startBehind(t, all(to), {
    records: { 'proxy.config.http.no_dns_just_forward_to_parent': 1, 'proxy.config.http.connect_ports': '*' },
  })
  t.equal((await get(proxy.port, `http://localhost:${proxy.port}/`)).status, 508)
  const answer = await (await ask(`localhost:${proxy.port}`)).response('CONNECT')
  t.equal(answer.status, 508)
  t.same([to.asked, to.connections], [[], 0])
})

test('a private address is refused whether or not a parent would find it', async t => {
  const origin = await httpsOrigin(t, HOST)
  const to = await startParent(t)
  const records = { 'proxy.config.http.deny_private_origins': 1 } as const
  const one = await startBehind(t, all(to), { records })
  for (const answer of [
    await get(one.proxy.port, 'http://10.0.0.1/'),
    await get(one.proxy.port, `http://${HOST}/`),
    await get(one.proxy.port, `https://${HOST}:${origin.port}/`),
    await (await one.ask(`${HOST}:${origin.port}`)).response('CONNECT'),
  ])
    t.equal(answer.status, 403, answer.body.toString().slice(0, 200))
  const two = await startBehind(t, all(to), {
    records: { ...records, 'proxy.config.http.no_dns_just_forward_to_parent': 0 },
    hosts: [HOST],
  })
  t.equal(
    (await get(two.proxy.port, `https://${HOST}:${origin.port}/`)).status,
    403,
    'its address is private',
  )
  t.same(to.asked, [])
})

test('names are resolved here where the record says so, and the address is what is asked for', async t => {
  const origin = await httpsOrigin(t, HOST)
  const to = await startParent(t)
  const { proxy, curl } = await startBehind(t, all(to), {
    records: { 'proxy.config.http.no_dns_just_forward_to_parent': 0 },
    hosts: [HOST],
  })
  t.equal((await curl('-k', `https://${HOST}:${origin.port}/`)).code, 0, proxy.output())
  t.ok(to.asked.every(line => line === `CONNECT 127.0.0.1:${origin.port}`))
})

test('a rule for an address holds for all names that a parent resolves', async t => {
  const origin = await httpsOrigin(t, HOST)
  const to = await startParent(t)
  const rules = 'sni:\n- fqdn: 127.0.0.1\n  connect_verify: probe\n'
  const { curl, gate } = await startBehind(t, all(to), {
    records: { 'proxy.config.http.connect.verify': 'tunnel' },
    files: { 'sni.yaml': rules },
  })
  t.equal((await curl('-k', `https://${HOST}:${origin.port}/`)).code, 0)
  t.equal(gate.asked.length, 1)
})

test('an origin that speaks first, right behind the 200 of the parent', async t => {
  const { port, stop } = await listen(socket => socket.on('data', bytes => socket.write(`echo ${bytes}`)))
  t.teardown(stop)
  const to = await startParent(t, { behind: '220 hello\r\n' })
  const { open } = await startBehind(t, all(to), {
    records: { 'proxy.config.http.connect.verify': 'tunnel' },
  })
  const { client } = await open(`${HOST}:${port}`)
  await client.until(() => /220 hello/.exec(client.text()) ?? undefined, 'the greeting')
  client.send('EHLO\r\n')
  await client.until(() => /echo EHLO/.exec(client.text()) ?? undefined, 'the echo')
  t.match(client.text(), /200 Connection established\r\n\r\n220 hello\r\necho EHLO/)
})

const WHY: Readonly<Record<string, RegExp>> = {
  'not HTTP': /did not answer CONNECT in HTTP\/1\.1/,
  'a head without end': /did not answer CONNECT in HTTP\/1\.1: .*(?:65536|large|long)/,
  'interim without end': /too many interim responses/,
  cut: /closed the connection before it answered/,
  silent: /did not answer within 1000 ms/,
}

test('answers of parents are bounded: slow, endless, malformed, cut', async t => {
  const answers: Record<string, (socket: Socket) => void> = {
    'not HTTP': socket => socket.write('SSH-2.0-x\r\n'),
    'a head without end': socket => {
      socket.on('drain', () => socket.write('x: y\r\n'.repeat(1000)))
      socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(30_000)}`)
    },
    'interim without end': socket => socket.write('HTTP/1.1 103 Early\r\n\r\n'.repeat(200)),
    cut: socket => socket.end('HTTP/1.1 200 O'),
    silent: () => {},
  }
  for (const [what, answer] of Object.entries(answers)) {
    const { port, stop } = await listen(socket => socket.once('data', () => answer(socket)))
    t.teardown(stop)
    const { ask } = await startBehind(t, `dest_domain=. parent="127.0.0.1:${port}" go_direct=false\n`, {
      records: { 'proxy.config.http.parent_proxy.connect_attempts_timeout': 1 },
    })
    const { status, body } = await (await ask(`${HOST}:443`)).response('CONNECT')
    t.equal(status, what === 'silent' ? 504 : 502, `${what}: ${body}`)
    t.match(body.toString(), WHY[what], what)
  }
})
