/** Parents that are reached by TLS, and by SOCKS 5. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { startBumping } from '../kit/bumping.js'
import { get } from '../kit/client.js'
import { type ConnectingOptions, httpsOrigin, startConnecting, testRoot } from '../kit/connecting.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ParentProxy, parentProxy } from '../kit/parent-proxy.js'
import { makeAuthority } from '../kit/pki.js'
import { microsocks, type RunningParent, stunnel } from '../kit/socks-parents.js'
import { squidParent } from '../kit/squid-parent.js'
import { listen } from '../kit/tcp-server.js'

/** What microsocks and Squid can resolve. */
const HOST = 'localhost'
const LOGIN = { user: 'ann', password: 'secret' }

const stopping = <T extends { stop(): Promise<void> }>(t: Test, made: T): T => {
  t.teardown(made.stop)
  return made
}

async function secureParent(t: Test): Promise<ParentProxy> {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  return stopping(t, await parentProxy({ tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } }))
}

const to = (url: string, more = ''): Pick<ConnectingOptions, 'hosts' | 'files'> => ({
  hosts: [],
  files: {
    'parent.config': `dest_domain=. parent="${url}" go_direct=false ${more}\n`,
    login: `basic ${LOGIN.user}:${LOGIN.password}\n`,
    wrong: 'basic ann:wrong\n',
  },
})

test('a parent by TLS is judged as an origin is, and then the origin inside', async t => {
  const origin = await httpsOrigin(t, HOST)
  for (const mode of ['probe', 'bump', 'tunnel'] as const) {
    const parent = await secureParent(t)
    const { curl, proxy, gate } = await startBumping(t, {
      ...to(`https://${HOST}:${parent.port}`),
      records: { 'proxy.config.http.connect.verify': mode },
    })
    const { code, stderr } = await curl(
      '-k',
      `https://${HOST}:${origin.port}/bytes/2000000`,
      '-o',
      '/dev/null',
    )
    t.equal(code, 0, `${mode}: ${stderr}${proxy.output()}`)
    const ports = gate.asked.map(({ port }) => (port === parent.port ? 'parent' : 'origin'))
    t.equal(ports[0], 'parent', mode)
    t.equal(ports.filter(port => port === 'origin').length, mode === 'tunnel' ? 0 : 1, mode)
    t.equal((await get(proxy.port, `http://${HOST}/plain`)).status, 200, mode)
    t.equal(parent.asked.at(-1), `GET http://${HOST}/plain`)
    await proxy.stop()
    t.equal(liveHandshakes(), 0, 'all is freed')
  }
})

test('a parent by TLS that is rejected gets an alert, and no request', async t => {
  const origin = await httpsOrigin(t, HOST)
  const parent = await secureParent(t)
  const other = await secureParent(t)
  const list = `https://${HOST}:${parent.port};https://${HOST}:${other.port}`
  const { curl, ask, proxy } = await startConnecting(t, {
    ...to(list),
    answer: event =>
      void event.reenable(event.port === origin.port ? undefined : reject('revoked', 'the parent')),
  })
  t.equal((await curl('-k', `https://${HOST}:${origin.port}/`)).code, 56)
  const answer = await (await ask(`${HOST}:${origin.port}`)).response('CONNECT')
  t.equal(answer.status, 502)
  t.match(answer.body.toString(), /the parent/)
  t.equal((await get(proxy.port, `http://${HOST}/`)).status, 502)
  t.same([parent.asked, other.asked, other.connections], [[], [], 0], 'a verdict is final: no other is tried')
})

test('the roots of parents are their own', async t => {
  const theirs = await makeAuthority({ name: 'Of parents' })
  const leaf = await theirs.issue({ cn: HOST, sans: [HOST] })
  const parent = stopping(t, await parentProxy({ tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } }))
  const origin = await httpsOrigin(t, HOST)
  const stranger = stopping(t, await nodeOrigin({ tls: leaf }))
  const options = to(`https://${HOST}:${parent.port}`)
  const { proxy } = await startConnecting(t, {
    ...options,
    files: { ...options.files, 'parents.pem': theirs.certPem },
    records: { 'proxy.config.http.parent_proxy.CA.cert.filename': 'parents.pem' },
  })
  t.equal((await get(proxy.port, `https://${HOST}:${origin.port}/`)).status, 200)
  t.equal(
    (await get(proxy.port, `https://${HOST}:${stranger.port}/`)).status,
    502,
    'and not those of origins',
  )
  const plain = await startConnecting(t, options)
  t.equal((await get(plain.proxy.port, `https://${HOST}:${origin.port}/`)).status, 502)
})

test('a pooled connection ends with the acceptance of its parent', async t => {
  const parent = await secureParent(t)
  const { proxy, gate } = await startConnecting(t, to(`https://${HOST}:${parent.port}`))
  for (let i = 0; i < 2; i++) t.equal((await get(proxy.port, `http://${HOST}/${i}`)).status, 200)
  t.same([parent.connections, gate.asked.length], [1, 1], 'it is used again')
  proxy.conf.write({
    plugins: [gate.line],
    ca: (await makeAuthority({ name: 'Another' })).certPem,
    files: { ...to(`https://${HOST}:${parent.port}`).files },
  })
  await proxy.server.reload()
  t.equal((await get(proxy.port, `http://${HOST}/`)).status, 502, 'its roots are no longer trusted')
})

test('Squid by TLS, and stunnel in front of a proxy', async t => {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  const origin = await httpsOrigin(t, HOST)
  const squid = stopping(t, await squidParent({ tls: leaf, login: LOGIN }))
  const behind = stopping(t, await parentProxy())
  const relay = stopping(t, await stunnel(behind.port, leaf))
  for (const [url, more] of [
    [`https://${HOST}:${squid.port}`, 'credentials=login'],
    [`https://${HOST}:${relay.port}`, ''],
  ] as const) {
    const { curl, proxy } = await startConnecting(t, to(url, more))
    const { code, stdout, stderr } = await curl('-k', `https://${HOST}:${origin.port}/`)
    t.equal(code, 0, `${url}: ${stderr}${proxy.output()}`)
    t.match(stdout, /hello from localhost/)
    t.equal((await get(proxy.port, `https://${HOST}:${origin.port}/`)).status, 200, url)
  }
  t.match(squid.log(), /CONNECT localhost:\d+ ann HIER_DIRECT/)
  t.match(behind.asked[0], /^CONNECT localhost:/)
})

test('microsocks as the parent: by name, with and without a login', async t => {
  const origin = await httpsOrigin(t, HOST)
  const plain = stopping(t, await nodeOrigin({}))
  const open = stopping<RunningParent>(t, await microsocks())
  const closed = stopping<RunningParent>(t, await microsocks(LOGIN))
  for (const mode of ['probe', 'bump', 'tunnel'] as const)
    for (const [parent, more] of [
      [open, ''],
      [closed, 'credentials=login'],
    ] as const) {
      const { curl, proxy, gate } = await startBumping(t, {
        ...to(`socks5://127.0.0.1:${parent.port}`, more),
        records: { 'proxy.config.http.connect.verify': mode },
      })
      const { code, stderr } = await curl('-k', `https://${HOST}:${origin.port}/`)
      t.equal(code, 0, `${mode} ${more}: ${stderr}${proxy.output()}`)
      t.equal(gate.asked.length, mode === 'tunnel' ? 0 : 1)
      const answer = await get(proxy.port, `http://${HOST}:${plain.port}/bytes/10`)
      t.equal(answer.body.length, 10, 'a request without TLS has the form for an origin')
      t.equal(plain.requests.at(-1)?.url, '/bytes/10')
      await proxy.stop()
    }
  for (const [parent, more, why] of [
    [closed, '', /demands credentials, and none are configured for it/],
    [closed, 'credentials=wrong', /does not accept the credentials that are configured for it/],
  ] as const) {
    const { proxy } = await startConnecting(t, to(`socks5://127.0.0.1:${parent.port}`, more))
    const { status, body } = await get(proxy.port, `https://${HOST}:${origin.port}/`)
    t.equal(status, 502, more)
    t.match(body.toString(), why)
  }
  const { proxy } = await startConnecting(t, to(`socks5://127.0.0.1:${open.port}`))
  const refused = await get(proxy.port, `https://${HOST}:1/`)
  t.equal(refused.status, 502)
  t.match(refused.body.toString(), /refused localhost:1: (?:connection refused|general failure)/)
})

test('answers in SOCKS that are none', async t => {
  const method = [5, 0]
  const answers: readonly (readonly [why: RegExp, ...steps: number[][]])[] = [
    [/it is no SOCKS 5/, [4, 0]],
    [/it chose method 1, which was not offered/, [5, 1]],
    [/demands credentials/, [5, 255]],
    [/its reply has the address type 9/, method, [5, 0, 0, 9, 1, 1, 1, 1, 1, 1]],
    [/closed the connection before it answered/, method, [5, 0, 0, 1]],
    [/its reply is none of RFC 1928/, method, [9]],
  ]
  for (const [why, ...steps] of answers) {
    const { port, stop } = await listen(socket => {
      const left = [...steps]
      socket.on('data', () => {
        const next = left.shift()
        if (next !== undefined) socket.write(Buffer.from(next))
        if (left.length === 0) socket.end()
      })
    })
    t.teardown(stop)
    const { proxy } = await startConnecting(t, to(`socks5://127.0.0.1:${port}`))
    const { status, body } = await get(proxy.port, `https://${HOST}:1/`)
    t.equal(status, 502)
    t.match(body.toString(), why)
  }
})

test('a reply in SOCKS byte by byte, with the first bytes of the origin behind it', async t => {
  for (const bound of [
    [1, 0, 0, 0, 0],
    [3, 3, 97, 98, 99],
    [4, ...Array<number>(16).fill(0)],
  ]) {
    const { port, stop } = await listen(socket => {
      let isAsked = false
      socket.on('data', async bytes => {
        const reply = isAsked ? [5, 0, 0, ...bound, 0, 80, ...Buffer.from('220 hi\r\n')] : [5, 0]
        isAsked = true
        if (bytes.toString().startsWith('QUIT')) return void socket.end('bye')
        for (const byte of reply) {
          socket.write(Buffer.from([byte]))
          await new Promise(resolve => setImmediate(resolve))
        }
      })
    })
    t.teardown(stop)
    const { open } = await startConnecting(t, {
      ...to(`socks5://127.0.0.1:${port}`),
      records: { 'proxy.config.http.connect.verify': 'tunnel' },
    })
    const { client } = await open('some.test:25')
    await client.until(() => /220 hi\r\n$/.exec(client.text()) ?? undefined, 'the greeting')
    client.send('QUIT\r\n')
    await client.until(() => /bye$/.exec(client.text()) ?? undefined, 'the answer')
    t.match(client.text(), /220 hi\r\nbye$/)
  }
})
