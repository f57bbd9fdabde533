/** What one client network takes of something shared, and what is left for another. */
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { type RawClient, rawClient } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'

const MANY = '127.0.0.1'
const ONE = '127.0.0.2'

async function start(t: Test, conf: ProxyConf) {
  const origin = await nodeOrigin()
  t.teardown(origin.stop)
  const proxy = await startProxyHere({ hosts: ['origin.example'], ...conf })
  t.teardown(proxy.stop)
  const connect = async (from: string): Promise<RawClient> => {
    const client = await rawClient(proxy.port, '127.0.0.1', from)
    t.teardown(client.stop)
    return client
  }
  const head = (password?: string): string => {
    const credentials = password && `Proxy-Authorization: Basic ${btoa(`ann:${password}`)}\r\n`
    return `GET http://origin.example:${origin.port}/ HTTP/1.1\r\nHost: x\r\n${credentials ?? ''}\r\n`
  }
  return { proxy, connect, head }
}

test('a client that guesses passwords keeps no other client waiting', async t => {
  const { connect, head } = await start(t, {
    records: { 'proxy.config.http.proxy_auth.htpasswd': 'users' },
    files: { users: `ann:${(await bcrypt.hash('secret', 9)).replace('$2b$', () => '$2y$')}\n` },
  })
  const guessing = await Promise.all(Array.from({ length: 90 }, () => connect(MANY)))
  const right = await connect(ONE)
  let answered = 0
  const guesses = guessing.map(async (client, i) => {
    client.send(head(`wrong ${i}`))
    const { status } = await client.response('GET', 30_000)
    answered += 1
    return status
  })
  await Promise.race(guesses)
  right.send(head('secret'))
  t.equal((await right.response()).status, 200)
  t.ok(answered < 60, `after ${answered} of 90 guesses, of which 24 were too many`)
  t.strictSame([...new Set(await Promise.all(guesses))], [407])
})

test('a client that holds all connections leaves one to another client', async t => {
  const { proxy, connect, head } = await start(t, {
    records: { 'proxy.config.net.connections_throttle': 8 },
  })
  const many: RawClient[] = []
  for (let i = 0; i < 8; i++) {
    const client = await connect(MANY)
    client.send(head())
    t.equal((await client.response()).status, 200)
    many.push(client)
  }
  const one = await connect(ONE)
  one.send(head())
  t.equal((await one.response()).status, 200)
  await many[7]?.ended()
  t.ok(
    many.slice(0, 7).every(({ isEnded }) => !isEnded),
    'the newest of the client with the most is closed',
  )
  const more = await connect(MANY)
  await more.ended()
  one.send(head())
  t.equal((await one.response()).status, 200, 'which cannot take the place back')
  await proxy.until(/WARNING: connections of clients refused or closed: 1; connections_throttle \(8\)/)
})
