/** How a name leaves a connection that was opened for another: a reload, a revocation, 421, ORIGIN frames. */
import type { ServerHttp2Session } from 'node:http2'
import { type Test, test } from 'tap'
import type { Revocation } from '../../core/api/plugin.js'
import { get, rawClient } from '../kit/client.js'
import { A, ask, B, confWith, HOOKED, isShared, nginx, RECORD, root, start } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { type Http2Answer, http2Origin } from '../kit/http2-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

test('a reload judges anew: a record, a rule, an address', async t => {
  const port = await nginx(t, { addresses: ['127.0.0.1', '127.0.0.2'] })
  const changes: ProxyConf[] = [
    { records: { [RECORD]: 0 } },
    { files: { 'sni.yaml': `sni:\n- fqdn: ${B}\n  verify_server_min_rsa_bits: 2048\n` } },
    { files: { hosts: `127.0.0.1 ${A}\n127.0.0.2 ${B}\n` } },
    { plugins: ['hooked.mjs'], modules: HOOKED('TS_VCONN_OUTBOUND_START_HOOK', 'event.reenable()') },
  ]
  for (const change of changes) {
    const proxy = await start(t)
    t.ok(await isShared(t, proxy, port))
    proxy.conf.write(confWith(change))
    await proxy.server.reload()
    const [first, second] = [await ask(proxy, A, port), await ask(proxy, B, port)]
    t.not(first.connection, second.connection, JSON.stringify(change))
    t.equal(second.by, B)
  }
})

test('a name that is revoked leaves the shared connection, which stays', async t => {
  const port = await nginx(t)
  let revoke: (what: Revocation) => void = () => t.fail('not loaded')
  hear(t, 'coalescing revoke', (given: typeof revoke) => {
    revoke = given
  })
  const proxy = await start(t, {
    plugins: ['revoking.mjs'],
    modules: {
      'revoking.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ revoke }) => channel('coalescing revoke').publish(revoke)`,
    },
  })
  const first = await ask(proxy, A, port)
  t.equal((await ask(proxy, B, port)).connection, first.connection)
  revoke({ host: B })
  await proxy.until(/revoked/i)
  const own = await ask(proxy, B, port)
  t.strictSame([own.status, own.by], [200, B], 'it is judged by a handshake of its own')
  t.equal((await ask(proxy, A, port)).connection, first.connection, 'the first name is not concerned')
  revoke({ host: A })
  t.not((await ask(proxy, A, port)).connection, first.connection)
})

/** An origin of Node's for both names, in HTTP/2. */
const nodeHttp2 = async (t: Test, answer: Http2Answer) =>
  http2Origin(end => t.teardown(end), [A, B], root, answer)

/** Answers 421 on connections that announced another name. */
const strict: Http2Answer = (req, res) => {
  const announced = (req.stream.session?.socket as { servername?: string } | undefined)?.servername
  const isOwn = req.authority.startsWith(`${announced}:`)
  req.resume()
  res.writeHead(isOwn ? 200 : 421).end(`by ${announced}`)
}

test('an origin that answers 421 gets the request again, on a connection of its own', async t => {
  const { port, seen } = await nodeHttp2(t, strict)
  const proxy = await start(t)
  const status = async (host: string): Promise<number> =>
    (await get(proxy.port, `https://${host}:${port}/`)).status
  t.strictSame([await status(A), await status(B), await status(B), await status(A)], [200, 200, 200, 200])
  t.strictSame(
    seen.map(({ headers, connection }) => [headers[':authority'], connection]),
    [
      [`${A}:${port}`, 0],
      [`${B}:${port}`, 0], // 421
      [`${B}:${port}`, 1],
      [`${B}:${port}`, 1],
      [`${A}:${port}`, 0],
    ],
    'and is not asked there a second time',
  )
})

test('a 421 to a request whose body is gone reaches the client, and its name leaves', async t => {
  const { port, seen } = await nodeHttp2(t, strict)
  const proxy = await start(t)
  t.equal((await get(proxy.port, `https://${A}:${port}/`)).status, 200)
  const post = async (): Promise<number> => {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    client.send(`POST https://${B}:${port}/ HTTP/1.1\r\nHost: ${B}:${port}\r\nContent-Length: 5\r\n\r\nhello`)
    return (await client.response('POST')).status
  }
  t.strictSame([await post(), await post()], [421, 200])
  t.equal(seen.at(-1)?.connection, 1)
})

for (const where of ['head', 'trailers'] as const)
  test(`a connection on which an origin shows a login serves no request that waits, and no other name: ${where}`, async t => {
    const { port, seen } = await nodeHttp2(t, (req, res) => {
      if (req.url === '/login' && where === 'head') res.setHeader('persistent-auth', 'true')
      res.write('ok')
      if (req.url === '/login' && where === 'trailers') res.addTrailers({ 'persistent-auth': 'true' })
      res.end()
    })
    const released: (() => void)[] = []
    hear(t, 'coalescing login', (release: () => void) => released.push(release))
    const proxy = await start(t, {
      plugins: ['holding.mjs'],
      modules: {
        'holding.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd }) => hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', ({ url, reenable }) =>
  url.endsWith('/held') ? channel('coalescing login').publish(() => reenable()) : reenable())`,
      },
    })
    const status = async (host: string, path: string): Promise<number> =>
      (await get(proxy.port, `https://${host}:${port}${path}`)).status
    t.equal(await status(A, '/'), 200)
    const held = [status(A, '/held'), status(B, '/held')]
    await poll(() => released.length === 2, 'both')
    t.equal(await status(A, '/login'), 200)
    for (const release of released.slice(0, 2)) release()
    await poll(() => released.length === 4, 'both again, for another connection')
    for (const release of released.slice(2)) release()
    t.strictSame(await Promise.all(held), [200, 200])
    const [first, login, ...others] = seen.map(({ connection }) => connection)
    t.strictSame([first, login], [0, 0])
    t.equal(others.length, 2)
    t.notOk(others.includes(0))
  })

test('an origin that restricts its connection by ORIGIN frames gets no other names there', async t => {
  for (const [names, isShared] of [
    [[A], false],
    [[A, B], true],
  ] as const) {
    const { port, seen } = await nodeHttp2(t, (req, res) => {
      const session = req.stream.session as ServerHttp2Session | undefined
      session?.origin(...names.map(name => `https://${name}:${port}`))
      session?.ping(() => res.end('ok'))
    })
    const proxy = await start(t)
    for (const host of [A, B]) t.equal((await get(proxy.port, `https://${host}:${port}/`)).status, 200)
    t.equal(seen[1]?.connection, isShared ? 0 : 1, `ORIGIN ${names}`)
  }
})
