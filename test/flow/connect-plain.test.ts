/** Plain HTTP, and other protocols than TLS, behind a CONNECT that is probed or bumped. */
import { connect, createServer } from 'node:net'
import { type Test, test } from 'tap'
import { fetch, ProxyAgent } from 'undici'
import { reject } from '../../core/api/verdict.js'
import { type Bumping, startBumping } from '../kit/bumping.js'
import { type ConnectingOptions, httpsOrigin } from '../kit/connecting.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { rawOrigin, scripts } from '../kit/raw-origin.js'
import { listen } from '../kit/tcp-server.js'

const HOST = 'www.google.com'
const MODES = ['probe', 'bump'] as const
const NON_TLS = 'proxy.config.http.connect.verify.non_tls'

const start = (
  t: Test,
  mode: (typeof MODES)[number],
  records: ConnectingOptions['records'] = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Bumping> =>
  startBumping(t, { hosts: [HOST], files, records: { 'proxy.config.http.connect.verify': mode, ...records } })

for (const mode of MODES) {
  test(`${mode}: plain HTTP is relayed where the record lets it pass, and TLS is verified as ever`, async t => {
    const { open, curl, browse, gate, proxy } = await start(t, mode, { [NON_TLS]: 'tunnel' })
    const plain = await nodeOrigin({})
    t.teardown(plain.stop)
    const agent = new ProxyAgent({ uri: `http://127.0.0.1:${proxy.port}`, proxyTunnel: true })
    t.teardown(() => agent.close())
    const response = await fetch(`http://${HOST}:${plain.port}/`, { dispatcher: agent })
    t.equal(response.status, 200, 'undici, which sends CONNECT for http:// as well')
    t.match(await response.text(), /hello from/)
    t.equal(gate.asked.length, 0)

    const speaksFirst = await rawOrigin(connection => connection.send('220 ready\r\n'))
    t.teardown(speaksFirst.stop)
    const { client } = await open(`${HOST}:${speaksFirst.port}`)
    await client.until(() => (client.text().endsWith('220 ready\r\n') ? true : undefined), 'the greeting')

    const secure = await httpsOrigin(t, HOST)
    const { code, stdout } = await (mode === 'bump' ? browse : curl)(`https://${HOST}:${secure.port}/`)
    t.equal(code, 0)
    t.match(stdout, /hello from/)
    t.equal(gate.asked.length, 1)
  })
}

/** On the port of plain HTTP; undefined if the user may not listen there. */
async function deafPort80(t: Test): Promise<readonly Buffer[] | undefined> {
  const heard: Buffer[] = []
  const server = createServer(socket => socket.on('data', bytes => heard.push(bytes)).on('error', () => {}))
  t.teardown(() => server.close())
  return new Promise(resolve => {
    server.on('error', () => resolve(undefined)).listen(80, '127.0.0.77', () => resolve(heard))
  })
}

test('a request to port 80 is answered at once, though the origin does not answer a ClientHello', async t => {
  const heard = await deafPort80(t)
  if (heard === undefined) return void t.comment('not tested: this user may not listen on port 80')
  const { ask, gate } = await start(t, 'probe', {}, { hosts: `127.0.0.77 ${HOST}\n` })
  const client = await ask(`${HOST}:80`, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response('CONNECT')).status, 200)
  const refusal = await client.response()
  t.equal(refusal.status, 403)
  t.match(refusal.body.toString(), NON_TLS)
  t.equal(gate.asked.length, 0)
  t.equal(heard.length, 0, 'not a byte reached the origin')
})

test('a request to an origin that does not answer a ClientHello is answered within 10 s', async t => {
  const origin = await rawOrigin(scripts.silence)
  t.teardown(origin.stop)
  const { ask, gate } = await start(t, 'probe')
  const since = performance.now()
  const client = await ask(`${HOST}:${origin.port}`, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await client.response('CONNECT', 20_000)).status, 200)
  const refusal = await client.response()
  t.equal(refusal.status, 403)
  t.match(refusal.body.toString(), NON_TLS)
  t.ok(performance.now() - since < 10_000)
  t.equal(gate.asked.length, 0)
  const [connection] = origin.connections
  await connection?.until(() => connection.endedAt, 'the end of the probe')
  t.notMatch(connection?.text(), 'GET')
})

test('TLS with an origin that answers the probe late waits for the verdict', async t => {
  const secure = await httpsOrigin(t, HOST)
  let count = 0
  const slow = await listen(socket => {
    socket.on('error', () => {}).pause()
    const pass = (): void => {
      const to = connect(secure.port, '127.0.0.1').on('error', () => {})
      socket.pipe(to).pipe(socket)
    }
    setTimeout(pass, count++ === 0 ? 7000 : 0)
  })
  t.teardown(slow.stop)
  const { open, gate, root } = await start(t, 'probe')
  const { client, answer } = await open(`${HOST}:${slow.port}`)
  t.equal(answer.status, 200)
  t.equal(gate.asked.length, 0, 'the 200 comes before the verdict')
  const secured = await client.secure({ servername: HOST, ca: root.certPem })
  t.equal(gate.asked.length, 1)
  secured.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal((await secured.response()).status, 200)
})

test('bump: a plain request is answered with the name of the record', async t => {
  const { ask } = await start(t, 'bump')
  const origin = await rawOrigin(scripts.silence)
  t.teardown(origin.stop)
  const client = await ask(
    `${HOST}:${origin.port}`,
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx',
  )
  t.equal((await client.response('CONNECT')).status, 200)
  const refusal = await client.response()
  t.equal(refusal.status, 403)
  t.match(refusal.header('proxy-status'), /error=http_request_denied; details="PTC_TUNNEL_NOT_TLS/)
  t.match(refusal.body.toString(), NON_TLS)
  await client.ended()
  t.equal(origin.connections.length, 0)
})

test('other bytes than TLS and HTTP end the tunnel without an answer', async t => {
  for (const mode of MODES) {
    const { open, proxy } = await start(t, mode)
    const origin = await httpsOrigin(t, HOST)
    const { client } = await open(`${HOST}:${origin.port}`)
    client.send('SSH-2.0-OpenSSH_9.6\r\n')
    await client.ended()
    t.equal(client.pending().length, 0)
    await proxy.until(/refused or cut: PTC_TUNNEL_NOT_TLS: .*connect\.verify\.non_tls/)
  }
})

test('where the 200 comes first, the name of CONNECT is still verified beside that of the ClientHello', async t => {
  const other = 'www.yahoo.com'
  const it = await startBumping(t, {
    hosts: [HOST, other],
    records: { 'proxy.config.http.connect.verify': 'probe', [NON_TLS]: 'tunnel' },
    answer: ({ host, reenable }) => void reenable(host === HOST ? reject('revoked') : undefined),
  })
  const origin = await httpsOrigin(t, HOST, other)
  for (const servername of [HOST, other]) {
    const { client, answer } = await it.open(`${HOST}:${origin.port}`)
    t.equal(answer.status, 200)
    const cause: unknown = await client.secure({ servername, ca: it.root.certPem }).catch((e: unknown) => e)
    t.match(cause, { code: /ALERT_ACCESS_DENIED$/ }, servername)
  }
  const { client } = await it.open(`${other}:${origin.port}`)
  t.ok((await client.secure({ servername: other, ca: it.root.certPem })).socket.authorized)
})
