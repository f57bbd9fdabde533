/** Open connections of clients whose certificates are no logins: what a handshake asks for now holds for them, too. */
import { type Test, test } from 'tap'
import { type AccessStage, accessStage } from '../kit/access-ways.js'
import { getOn, type RawClient, rawClient, tlsClient } from '../kit/client.js'
import { Http2Client, tlsSocket } from '../kit/http2-client.js'
import { makeAuthority } from '../kit/pki.js'
import { revocationList } from '../kit/pki-openssl.js'
import type { ProxyConf } from '../kit/proxy.js'
import { root } from '../kit/secure-proxy.js'
import { listen } from '../kit/tcp-server.js'
import { moveDate } from '../kit/wall-clock.js'

const eve = await root.issue({ cn: 'eve', eku: ['clientAuth'] })
const other = await makeAuthority({ name: 'Other' })
const [NONE, EVE] = [revocationList(root, []), revocationList(root, [eve])]
const LEVEL = 'proxy.config.ssl.client.certification_level'
const BUMP_LEVEL = 'proxy.config.ssl.bump.client.certification_level'
const ENDED = [403, /PTC_LOGIN_ENDED/]

const conf = (records: ProxyConf['records'], list = NONE): ProxyConf => ({
  files: { 'clients.crl': list, 'other.authority.pem': other.certPem },
  records: {
    'proxy.config.ssl.CA.cert.filename': 'root.pem',
    'proxy.config.ssl.CA.crl.filename': 'clients.crl',
    'proxy.config.http.connect.verify': 'tunnel',
    ...records,
  },
})

async function reload(at: AccessStage, ...to: Parameters<typeof conf>): Promise<void> {
  at.proxy.conf.write(at.confWith(conf(...to)))
  await at.proxy.server.reload()
}

async function onSsl(t: Test, at: AccessStage, shown?: typeof eve): Promise<RawClient> {
  const own = shown && { cert: shown.chainPem, key: shown.keyPem }
  const made = await tlsClient(at.ports[1], { ca: root.certPem, servername: 'proxy.example', ...own })
  t.teardown(made.stop)
  return made
}

const urlOf = (at: AccessStage): string => `http://plain.test:${at.origin.port}/`

async function answer(client: RawClient, url: string): Promise<readonly [number, string]> {
  const { status, body } = await getOn(client, url)
  return [status, body.toString()]
}

/** A tunnel whose origin sends everything back. */
async function echoing(t: Test, client: RawClient): Promise<RawClient> {
  const server = await listen(socket => void socket.pipe(socket))
  t.teardown(server.stop)
  const target = `plain.test:${server.port}`
  client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  t.equal((await client.response('CONNECT')).status, 200)
  return client
}

async function passes(client: RawClient, word: string): Promise<void> {
  client.send(word)
  await client.until(() => client.text().endsWith(word) || undefined, word)
}

test('a reload that requires certificates ends what began without one, and one that asks for none ends nothing', async t => {
  const at = await accessStage(t, conf({ [LEVEL]: 1 }))
  const url = urlOf(at)
  const [bare, shown] = [await onSsl(t, at), await onSsl(t, at, eve)]
  const [bareTunnel, tunnel] = [
    await echoing(t, await onSsl(t, at)),
    await echoing(t, await onSsl(t, at, eve)),
  ]
  const plain = await echoing(t, await rawClient(at.ports[0]))
  t.teardown(plain.stop)
  for (const one of [bare, shown]) t.match(await answer(one, url), [200])
  for (const one of [bareTunnel, tunnel, plain]) await passes(one, 'zero')
  await reload(at, { [LEVEL]: 2 })
  t.match(await answer(bare, url), [403, /requires a client certificate now/])
  t.match(await answer(shown, url), [200])
  await bareTunnel.ended()
  for (const one of [tunnel, plain]) await passes(one, 'one')
  await reload(at, { [LEVEL]: 0 }, EVE)
  t.match(await answer(shown, url), [200])
  for (const one of [tunnel, plain]) await passes(one, 'two')
  await at.proxy.server.stop(0)
  t.match(
    at.log().find(({ method, error }) => method === 'CONNECT' && error !== null),
    { error: { code: 'PTC_LOGIN_ENDED' } },
  )
})

test('a reload with other authorities ends connections in HTTP/2, with their tunnels', async t => {
  const at = await accessStage(t, conf({ [LEVEL]: 1, 'proxy.config.ssl.CA.crl.filename': null }))
  const http2 = new Http2Client(
    await tlsSocket(at.ports[1], {
      ...{ ca: root.certPem, servername: 'proxy.example', alpn: ['h2'] },
      ...{ cert: eve.chainPem, key: eve.keyPem },
    }),
  )
  t.teardown(http2.stop)
  const server = await listen(socket => void socket.pipe(socket))
  t.teardown(server.stop)
  const authority = `plain.test:${at.origin.port}`
  const ask = () => http2.ask({ ':scheme': 'http', ':authority': authority, ':path': '/' })
  t.equal((await ask()).status, 200)
  const head = { ':method': 'CONNECT', ':authority': `plain.test:${server.port}` }
  const stream = http2.session.request(head, { endStream: false })
  stream.on('error', () => {})
  const closed = new Promise(resolve => stream.once('close', resolve))
  stream.write('one')
  await new Promise(resolve => stream.once('data', resolve))
  await reload(at, {
    [LEVEL]: 1,
    'proxy.config.ssl.CA.crl.filename': null,
    'proxy.config.ssl.CA.cert.filename': 'other.authority.pem',
  })
  await closed
  t.equal((await ask()).status, 403)
  await http2.closed
})

test('a certificate inside a bumped tunnel is judged again, too', async t => {
  const bumping = { 'proxy.config.http.connect.verify': 'bump', [BUMP_LEVEL]: 1 } as const
  const at = await accessStage(t, conf(bumping))
  const target = `bump.test:${at.secure.port}`
  const inside = async (shown?: typeof eve): Promise<RawClient> => {
    const client = await rawClient(at.ports[0])
    t.teardown(client.stop)
    client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 200)
    const own = shown && { cert: shown.chainPem, key: shown.keyPem }
    return client.secure({ servername: 'bump.test', rejectUnauthorized: false, ...own })
  }
  const ask = async (client: RawClient): Promise<readonly [number, string]> => {
    client.send(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    const { status, body } = await client.response()
    return [status, body.toString()]
  }
  const [bare, shown] = [await inside(), await inside(eve)]
  for (const one of [bare, shown]) t.match(await ask(one), [200])
  await reload(at, bumping, EVE)
  t.match(await ask(shown), ENDED)
  t.match(await ask(bare), [200])
  await reload(at, { ...bumping, [BUMP_LEVEL]: 2 }, EVE)
  t.match(await ask(bare), ENDED)
})

test('the end of a list ends connections and no tunnels', async t => {
  const soon = revocationList(root, [], { nextUpdate: new Date(Date.now() + 60_000) })
  const at = await accessStage(t, conf({ [LEVEL]: 2 }, soon))
  const [open, tunnel] = [await onSsl(t, at, eve), await echoing(t, await onSsl(t, at, eve))]
  t.match(await answer(open, urlOf(at)), [200])
  moveDate(t, 61_000)
  t.match(await answer(open, urlOf(at)), ENDED)
  await passes(tunnel, 'on')
})
