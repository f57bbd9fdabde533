/** Which parent a request goes through, where parent.config names several, and what it is sent there. */
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { httpsOrigin } from '../kit/connecting.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { HOST, startBehind, startParent } from '../kit/parent-proxy.js'
import { guardServer } from '../kit/tcp-server.js'

const CLOSED = '127.0.0.1:1'

/** A parent that says its name, and may be stopped and started on its port. */
async function named(t: Test, name: string) {
  const serve = (): Server => createServer((_req, res) => res.end(name))
  let running = await guardServer(serve())
  t.teardown(() => running.stop())
  const { port } = running
  return {
    at: `127.0.0.1:${port}`,
    stop: () => running.stop(),
    restart: async () => {
      running = await guardServer(serve(), { host: '127.0.0.1', port })
    },
  }
}

/** Asks, and has the name of the parent that answers. */
const asking = async (t: Test, line: string, records = {}) => {
  const { proxy } = await startBehind(t, `dest_domain=. go_direct=false ${line}\n`, { records })
  return async (path = '/'): Promise<string> =>
    (await get(proxy.port, `http://${HOST}${path}`)).body.toString()
}

test('a latched parent stays the one in use when the one before it is back', async t => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')]
  const records = {
    'proxy.config.http.parent_proxy.fail_threshold': 1,
    'proxy.config.http.parent_proxy.retry_time': 1,
  }
  const list = `parent="${one.at};${two.at}"`
  const latched = await asking(t, `${list} round_robin=latched`, records)
  const listed = await asking(t, `${list} round_robin=false`, records)
  const both = async (): Promise<string[]> => [await latched(), await listed()]
  t.same(await both(), ['one', 'one'])
  await one.stop()
  t.same(await both(), ['two', 'two'])
  await one.restart()
  await sleep(1100) // of the second for which one that is down is not tried
  t.same(await both(), ['two', 'one'])
  await two.stop()
  t.same(await both(), ['one', 'one'])
})

test('secondary parents are tried when no other one can be reached', async t => {
  const [first, second] = [await named(t, 'first'), await named(t, 'second')]
  const ask = await asking(t, `parent="${first.at};${CLOSED}" secondary_parent="${second.at}"`, {
    'proxy.config.http.parent_proxy.total_connect_attempts': 4,
  })
  t.equal(await ask(), 'first')
  await first.stop()
  t.equal(await ask(), 'second')
})

test('the query counts for consistent_hash, or not', async t => {
  const parents = [await named(t, 'one'), await named(t, 'two')]
  const list = parents.map(({ at }) => at).join(';')
  for (const [qstring, count] of [
    ['consider', 2],
    ['ignore', 1],
  ] as const) {
    const ask = await asking(t, `parent="${list}" round_robin=consistent_hash qstring=${qstring}`)
    const names = new Set<string>()
    for (let i = 0; i < 30; i++) names.add(await ask(`/same?${i}`))
    t.equal(names.size, count, qstring)
  }
})

test('what stands in the place of an origin is sent what an origin is sent, and judged as it', async t => {
  const plain = await nodeOrigin({})
  t.teardown(plain.stop)
  const secure = await httpsOrigin(t, HOST)
  const line = (port: number, scheme: string): string =>
    `dest_domain=. scheme=${scheme} parent="127.0.0.1:${port}" parent_is_proxy=false go_direct=false\n`
  const { proxy, curl, gate } = await startBehind(t, line(plain.port, 'http') + line(secure.port, 'https'))
  t.equal((await get(proxy.port, `http://${HOST}/a?b=c`)).status, 200)
  t.match(plain.requests[0], { url: '/a?b=c', headers: { host: HOST } })
  t.equal((await get(proxy.port, `https://${HOST}/d`)).status, 200)
  t.match(secure.requests[0], { url: '/d', headers: { host: HOST } })
  t.equal((await curl('-k', `https://${HOST}/e`)).code, 0, 'through a CONNECT, too')
  t.equal(secure.requests[1]?.url, '/e')
  t.ok(secure.handshakes.every(({ sni }) => sni === HOST))
  t.ok(gate.asked.length > 0 && gate.asked.every(({ host }) => host === HOST))
})

test('a token for a parent is sent to it with each CONNECT and each request, and to nothing else', async t => {
  const to = await startParent(t, { wants: 'Bearer t0k.en-1' })
  const origin = await httpsOrigin(t, HOST)
  const line = `dest_domain=. parent="127.0.0.1:${to.port}" go_direct=false credentials=token\n`
  const { proxy, curl } = await startBehind(t, line, { files: { token: 'bearer t0k.en-1\n' } })
  t.equal((await curl('-k', `https://${HOST}:${origin.port}/`)).code, 0)
  t.equal((await get(proxy.port, `http://${HOST}/`)).status, 200)
  t.equal((await get(proxy.port, `https://${HOST}:${origin.port}/`)).status, 200)
  t.ok(
    origin.requests.length === 2 && origin.requests.every(({ headers }) => !headers['proxy-authorization']),
  )
  await proxy.stop()
  t.notMatch(proxy.output(), /t0k/)
})
