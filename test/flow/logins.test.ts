/** Logins that authenticate a connection, and the clients that must not get them. */
import * as bcrypt from '@node-rs/bcrypt'
import { test } from 'tap'
import { startBumping } from '../kit/bumping.js'
import { testRoot } from '../kit/connecting.js'
import { curl } from '../kit/curl.js'
import {
  connectionsOf,
  HOST,
  LoginClient,
  type LoginRequest,
  loginOrigin,
  open,
  setUp,
} from '../kit/login-origin.js'
import type { NodeOrigin } from '../kit/node-origin.js'

const SCHEMES = ['NTLM', 'Negotiate', 'Kerberos', 'Future-7'] as const

for (const scheme of SCHEMES) {
  test(`a login by ${scheme} is of no use to another client`, async t => {
    const { origin, client } = await setUp(t, { schemes: [scheme] })
    const alice = await client()
    const isNtlm = scheme === 'NTLM' || scheme === 'Negotiate'
    const answer = isNtlm
      ? await alice.login('alice', {}, scheme)
      : await alice.ask({ fields: [`Authorization: ${scheme} login=alice`] })
    t.match(answer.body.toString(), /^alice/)
    t.match((await alice.ask()).body.toString(), /^alice/, 'the login holds for its own client')
    t.equal(new Set(connectionsOf(origin)).size, 1, 'all on one connection')
    const beside = await client()
    t.equal((await beside.ask()).status, 401, 'another client is asked to log in while the first is there')
    alice.raw.stop()
    await open(origin, 1) // that of the client beside
    t.equal((await (await client()).ask()).status, 401, 'and after it has left')
    t.equal(
      connectionsOf(origin).filter(index => index === 0).length,
      isNtlm ? 3 : 2,
      'its own requests alone',
    )
  })
}

test('a challenge with NTLM or Negotiate makes a connection private at once', async t => {
  const { origin, client } = await setUp(t, { schemes: ['Basic realm="a, b"', 'Negotiate', 'NTLM'] })
  const [alice, bob] = [await client(), await client()]
  await alice.ask()
  await bob.ask()
  await alice.ask()
  t.same(connectionsOf(origin), [0, 1, 0])
})

test('a connection that serves requests with credentials of their own serves any client', async t => {
  const { origin, client } = await setUp(t, {
    schemes: ['Basic realm="NTLM, Negotiate"', 'Digest nonce="x"'],
  })
  for (const credentials of ['Basic eDp5', 'Bearer x', 'digest username="x"', 'DPoP x']) {
    const one = await client()
    await one.ask({ fields: [`Authorization: ${credentials}`] })
    one.raw.stop()
  }
  t.equal(origin.connections, 1)
})

test('a client with several origins keeps the login of each', async t => {
  const one = await setUp(t)
  const other = await loginOrigin()
  t.teardown(other.stop)
  const { raw } = await one.client()
  const at = (origin: NodeOrigin) =>
    new LoginClient(raw, `http://${HOST}:${origin.port}/`, `${HOST}:${origin.port}`)
  t.match((await at(one.origin).login('alice')).body.toString(), /^alice/)
  t.match((await at(other).login('bob')).body.toString(), /^bob/)
  t.match((await at(one.origin).ask()).body.toString(), /^alice/)
  t.match((await at(other).ask()).body.toString(), /^bob/)
  raw.stop()
  await open(one.origin, 0)
  await open(other, 0)
  t.pass('what belonged to the client is closed with it')
})

test('two users of the proxy on one client connection do not share a login', async t => {
  const hash = await bcrypt.hash('secret', 4)
  const { origin, client } = await setUp(
    t,
    {},
    {
      files: { htpasswd: `ann:${hash}\nben:${hash}\n` },
      records: { 'proxy.config.http.proxy_auth.htpasswd': 'htpasswd' },
    },
  )
  const as = (user: string): LoginRequest => ({
    fields: [`Proxy-Authorization: Basic ${Buffer.from(`${user}:secret`).toString('base64')}`],
  })
  const aggregate = await client()
  t.match((await aggregate.login('alice', as('ann'))).body.toString(), /^alice/)
  t.match((await aggregate.ask(as('ann'))).body.toString(), /^alice/)
  t.equal((await aggregate.ask(as('ben'))).status, 401)
  t.equal((await aggregate.ask(as('ann'))).status, 401, 'the login has ended with the change of user')
  const other = await client()
  t.equal((await other.ask(as('ann'))).status, 401, 'a login is not that of a name on another connection')
  t.ok(origin.connections >= 3)
})

test('a login inside a bumped connection is of no use to another client', async t => {
  const { open: openTunnel, trusted } = await startBumping(t, { hosts: [HOST] })
  const origin = await loginOrigin({ tls: await (await testRoot()).issue({ cn: HOST, sans: [HOST] }) })
  t.teardown(origin.stop)
  const authority = `${HOST}:${origin.port}`
  const inside = async () => {
    const { client } = await openTunnel(authority)
    const raw = await client.secure({ servername: HOST, ca: trusted })
    t.teardown(raw.stop)
    return Object.assign(new LoginClient(raw, '/', authority), { raw })
  }
  const alice = await inside()
  const answer = await alice.login('alice')
  t.match(answer.body.toString(), /^alice/)
  t.equal(answer.header('proxy-support'), undefined, 'it knows of no proxy')
  t.equal((await (await inside()).ask()).status, 401)
  alice.raw.stop()
  await open(origin, 1)
  t.equal((await (await inside()).ask()).status, 401)
})

test('a login goes through with methods and bodies of all kinds', async t => {
  const { origin, client } = await setUp(t)
  const cases: LoginRequest[] = [
    { method: 'HEAD' },
    { method: 'POST', body: 'x'.repeat(10_000) },
    { method: 'PUT', body: 'small' },
    { method: 'DELETE' },
  ]
  for (const request of cases) {
    const alice = await client()
    const answer = await alice.login('alice', request)
    t.equal(answer.status, 200, `${request.method}`)
    if (request.method !== 'HEAD') t.equal(answer.body.toString(), `alice ${request.body?.length ?? 0}\n`)
    t.equal((await alice.ask()).body.toString(), 'alice 0\n')
    alice.raw.stop()
    await open(origin, 0)
  }
  t.equal(origin.connections, cases.length)
})

test('requests that are sent ahead are served under the login', async t => {
  const { origin, client, url, authority } = await setUp(t)
  const alice = await client()
  await alice.login('alice')
  alice.raw.send(`GET ${url}/a HTTP/1.1\r\nHost: ${authority}\r\n\r\n`.repeat(3))
  for (let i = 0; i < 3; i++) t.match((await alice.raw.response()).body.toString(), /^alice/)
  t.equal(origin.connections, 1)
})

test('an answer to a login says that the proxy keeps the connection', async t => {
  const { client } = await setUp(t)
  const answer = await (await client()).ask()
  t.equal(answer.header('proxy-support'), 'Session-Based-Authentication') // RFC 4559 section 6
  t.match(answer.header('connection'), /Proxy-Support/)
})

test('an operator may have logins shared', async t => {
  const { proxy, origin, client, url } = await setUp(
    t,
    {},
    { records: { 'proxy.config.http.auth_server_session_private': 0 } },
  )
  t.match(proxy.output(), /auth_server_session_private is 0: CLIENTS ARE SERVED UNDER THE LOGINS OF OTHERS/)
  await (await client()).login('alice')
  t.match((await (await client()).ask()).body.toString(), /^alice/)
  proxy.conf.write({ hosts: [HOST] })
  await proxy.server.reload()
  await open(origin, 0)
  t.equal((await (await client()).ask()).status, 401, `a reload that forbids it closes them: ${url}`)
})

test('the real curl logs in by NTLM', async t => {
  const { proxy, origin, url } = await setUp(t)
  const through = (...args: string[]) =>
    curl(['-sS', '-x', `http://127.0.0.1:${proxy.port}`, '--ntlm', '-u', 'alice:password', ...args])
  const got = await through(`${url}/a`, `${url}/b`)
  t.equal(got.stdout, 'alice 0\nalice 0\n', got.stderr)
  t.equal((await through('-d', 'x'.repeat(5000), url)).stdout, 'alice 5000\n')
  t.match((await through('-I', url)).stdout, /^HTTP\/1.1 200/m)
  t.match((await through('-u', 'alice:wrong', '-o', '/dev/null', '-w', '%{http_code}', url)).stdout, /401/)
  const [first, second] = [
    await through('--anyauth', url),
    await curl(['-sS', '-x', `http://127.0.0.1:${proxy.port}`, url]),
  ]
  t.equal(first.stdout, 'alice 0\n')
  t.equal(second.stdout, 'login\n')
  await open(origin, 0)
})
