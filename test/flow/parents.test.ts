import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { startBumping } from '../kit/bumping.js'
import { get, getOn, rawClient } from '../kit/client.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { all, HOST, startBehind, startParent } from '../kit/parent-proxy.js'

test('a request without TLS goes to the parent in absolute form', async t => {
  const to = await startParent(t)
  const { proxy, gate } = await startBehind(t, all(to))
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  for (const path of ['/a?b=c', '/d']) {
    const answer = await getOn(client, `http://${HOST}${path}`)
    t.equal(answer.body.toString(), `parent answered http://${HOST}${path} for ${HOST}, 0 bytes`)
  }
  t.equal(to.connections, 1, 'the connection to the parent is kept')
  t.match(to.headers[0]?.via, /^1\.1 .*-[0-9a-f]{8}$/)
  t.same(gate.sent, [`GET http://${HOST}/a?b=c`, `GET http://${HOST}/d`])
  const post = await rawClient(proxy.port)
  t.teardown(post.stop)
  post.send(`POST http://${HOST}/up HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 5\r\n\r\nhello`)
  t.match((await post.response()).body.toString(), /5 bytes/)
})

test('a request over TLS, a tunnel and a bumped tunnel go through CONNECT, and are judged', async t => {
  const origin = await httpsOrigin(t, HOST)
  for (const mode of ['probe', 'bump', 'tunnel'] as const) {
    const to = await startParent(t)
    const { curl, proxy, gate } = await startBumping(t, {
      hosts: [],
      files: { 'parent.config': all(to) },
      records: { 'proxy.config.http.connect.verify': mode },
    })
    const through = await curl('-k', `https://${HOST}:${origin.port}/`)
    t.equal(through.code, 0, `${mode}: ${through.stderr}${proxy.output()}`)
    t.match(through.stdout, new RegExp(`hello from ${HOST}`))
    t.match(to.asked[0], `CONNECT ${HOST}:${origin.port}`, mode)
    t.equal(gate.asked.length, mode === 'tunnel' ? 0 : 1, mode)
    t.match(to.headers[0]?.via, /^1\.1 .*-[0-9a-f]{8}$/, 'by which a loop is noticed')
    const plain = await get(proxy.port, `https://${HOST}:${origin.port}/`)
    t.equal(plain.status, 200, `${mode}: ${plain.body}`)
    await proxy.stop()
  }
})

for (const version of ['1.2', '1.3'] as const) {
  test(`not a byte of a client passes a parent before the verdict, TLS ${version}`, async t => {
    const leaf = await (await testRoot()).issue({ cn: HOST })
    const origin = await opensslOrigin({ ...leaf, tls: version })
    t.teardown(origin.stop)
    const to = await startParent(t)
    const { ask, gate } = await startBehind(t, all(to), { answer: () => undefined })
    const client = await ask(`${HOST}:${origin.port}`)
    const event = await gate.parked()
    await sleep(200)
    t.equal(client.text(), '', 'no 200 while parked')
    t.notOk(origin.received('Finished'))
    event.reenable(reject('revoked', 'on a list'))
    const answer = await client.response('CONNECT')
    t.equal(answer.status, 502)
    t.match(answer.body.toString(), /on a list/)
    await origin.waitFor('fatal certificate_revoked')
    t.notOk(origin.received('Finished'))
    t.equal(to.asked.length, 1, 'a rejection is final: nothing is tried again')
  })
}

test('what a parent refuses is told with its status, and a 407 as what it is', async t => {
  const to = await startParent(t, { status: 503 })
  const other = await startParent(t)
  const lines = `dest_domain=. parent="127.0.0.1:${to.port};127.0.0.1:${other.port}" go_direct=false\n`
  const { proxy, ask } = await startBehind(t, lines)
  const refused = await (await ask(`${HOST}:443`)).response('CONNECT')
  t.equal(refused.status, 502)
  t.match(refused.body.toString(), /parent proxy http:\/\/127\.0\.0\.1:\d+ answered 503 No/)
  t.equal(other.asked.length, 0, 'an answer about the origin is final')
  t.equal((await get(proxy.port, `http://${HOST}/`)).status, 503, 'to a request the answer is a response')

  to.options = { wants: 'Basic bm8=' }
  for (const answer of [
    await (await ask(`${HOST}:443`)).response('CONNECT'),
    await get(proxy.port, `http://${HOST}/`),
    await get(proxy.port, `https://${HOST}/`),
  ]) {
    t.equal(answer.status, 502, 'the client is not asked for the password of a parent')
    t.match(answer.body.toString(), /demands credentials, and none are configured for it \(407 for/)
    t.notOk(answer.header('proxy-authenticate'))
  }
})

test('credentials come from a file, are sent to the parent alone, and stand in no log', async t => {
  const wants = `Basic ${Buffer.from('ann:s3cret:colon').toString('base64')}`
  const to = await startParent(t, { wants })
  const origin = await httpsOrigin(t, HOST)
  const { proxy, curl } = await startBehind(t, all(to, 'credentials=login'), {
    files: { login: '# of the parent\nbasic ann:s3cret:colon\n' },
    records: { 'proxy.config.diags.debug.enabled': 1, 'proxy.config.diags.debug.tags': '.*' },
  })
  t.equal((await curl('-k', `https://${HOST}:${origin.port}/`)).code, 0)
  t.equal((await get(proxy.port, `http://${HOST}/`, ['Proxy-Authorization: Basic eDp5'])).status, 200)
  t.ok(to.headers.every(fields => fields['proxy-authorization'] === wants))
  t.equal(origin.requests[0]?.headers['proxy-authorization'], undefined)
  await proxy.stop()
  t.notMatch(proxy.output(), /s3cret|czNjcmV0/)
  t.notMatch(proxy.output(), new RegExp(wants.slice(6)))
})

test('another parent is tried where one cannot be reached, and the origin itself where it may', async t => {
  const origin = await nodeOrigin({})
  t.teardown(origin.stop)
  const closing = await startParent(t, { closes: true })
  const to = await startParent(t)
  const list = `127.0.0.1:1;127.0.0.1:${closing.port};127.0.0.1:${to.port}`
  const one = await startBehind(t, `dest_domain=. parent="${list}" go_direct=false\n`)
  t.equal((await get(one.proxy.port, `http://${HOST}/`)).status, 502, 'a request may not be sent twice')
  const secure = await httpsOrigin(t, HOST)
  t.equal((await get(one.proxy.port, `https://${HOST}:${secure.port}/`)).status, 200)
  t.same([closing.asked.length, to.asked.length], [2, 1])
  t.equal(one.gate.asked.length, 1)

  const direct = await startBehind(t, 'dest_domain=. parent="127.0.0.1:1"\n', { hosts: [HOST] })
  t.equal((await get(direct.proxy.port, `http://${HOST}:${origin.port}/`)).status, 200)
  const never = await startBehind(t, 'dest_domain=. parent="127.0.0.1:1" go_direct=false\n', {
    hosts: [HOST],
  })
  const answer = await get(never.proxy.port, `http://${HOST}:${origin.port}/`)
  t.equal(answer.status, 502)
  t.match(answer.body.toString(), /parent proxy http:\/\/127\.0\.0\.1:1 cannot be reached/)
})

test('a parent that fails is tried last until it answers', async t => {
  const to = await startParent(t)
  const { proxy } = await startBehind(
    t,
    `dest_domain=. parent="127.0.0.1:1;127.0.0.1:${to.port}" go_direct=false\n`,
    {
      records: { 'proxy.config.http.parent_proxy.fail_threshold': 2 },
    },
  )
  for (let i = 0; i < 4; i++) t.equal((await get(proxy.port, `http://${HOST}/${i}`)).status, 200)
  const told = proxy.output().match(/parent proxy .* is down/g) ?? []
  t.equal(told.length, 1)
})

test('connections through different parents are never mixed', async t => {
  const [one, two] = [await startParent(t), await startParent(t)]
  const lines = [
    `dest_domain=. method=HEAD go_direct=true`,
    `dest_host=${HOST} prefix=one parent="127.0.0.1:${one.port}" go_direct=false`,
    `dest_domain=. parent="127.0.0.1:${two.port}" go_direct=false`,
  ]
  const { proxy } = await startBehind(t, `${lines.join('\n')}\n`)
  for (let i = 0; i < 3; i++) {
    await get(proxy.port, `http://${HOST}/one/${i}`)
    await get(proxy.port, `http://${HOST}/two/${i}`)
  }
  t.same(
    one.asked,
    [0, 1, 2].map(i => `GET http://${HOST}/one/${i}`),
  )
  t.same(
    two.asked,
    [0, 1, 2].map(i => `GET http://${HOST}/two/${i}`),
  )
  t.same([one.connections, two.connections], [1, 1])
  const head = await rawClient(proxy.port)
  t.teardown(head.stop)
  head.send(`HEAD http://${HOST}/one/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  t.equal((await head.response('HEAD')).status, 502, 'which goes to an origin that has no address here')
})

test('parents in turn, by weight of URLs, and by client', async t => {
  const parents = [await startParent(t), await startParent(t)]
  const list = parents.map(({ port }) => `127.0.0.1:${port}`).join(';')
  const counts = async (roundRobin: string, paths: readonly string[]): Promise<number[]> => {
    const before = parents.map(({ asked }) => asked.length)
    const { proxy } = await startBehind(
      t,
      `dest_domain=. parent="${list}" round_robin=${roundRobin} go_direct=false\n`,
    )
    for (const path of paths) await get(proxy.port, `http://${HOST}${path}`)
    await proxy.stop()
    return parents.map(({ asked }, i) => asked.length - (before[i] ?? 0))
  }
  const paths = Array.from({ length: 8 }, (_, i) => `/${i}`)
  t.same(await counts('strict', paths), [4, 4])
  t.same(await counts('false', paths), [8, 0])
  t.ok((await counts('true', paths)).includes(8), 'one client has one parent')
  const many = Array.from({ length: 40 }, (_, i) => `/${i}`)
  t.ok((await counts('consistent_hash', many)).every(count => count > 0))
  t.ok(
    (
      await counts(
        'consistent_hash',
        paths.map(() => '/same'),
      )
    ).includes(8),
    'one URL has one parent',
  )
})
