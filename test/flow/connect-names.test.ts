/**
 * A rule for a host holds under whatever name a client reaches it: what is decided about a tunnel is decided by all its
 * names. Longer than 250 lines because every way round a rule is a test of its own, on one stage.
 */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { type Bumping, startBumping } from '../kit/bumping.js'
import type { RawClient } from '../kit/client.js'
import { helloMessage, inRecords } from '../kit/client-hellos.js'
import { type ConnectingOptions, httpsOrigin } from '../kit/connecting.js'
import { HookGate } from '../kit/gate.js'
import type { NodeOrigin } from '../kit/node-origin.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { rawOrigin, scripts } from '../kit/raw-origin.js'

const A = 'a.test.example'
const B = 'b.test.example'
const C = 'c.test.example'
const HOSTS = [A, B, C]
const ORIGIN_CA = /CN=Root/
const PROXY_CA = /CN=Bump CA/
const ACCESS_DENIED = /ALERT_ACCESS_DENIED$/

type Mode = 'probe' | 'bump' | 'tunnel'

interface Options extends Partial<ConnectingOptions> {
  /** Of every host without a rule. */
  readonly mode?: Mode
  /** Rules of sni.yaml. */
  readonly rules?: string
}

function start(t: Test, { mode = 'probe', rules = '', ...options }: Options = {}): Promise<Bumping> {
  return startBumping(t, {
    hosts: HOSTS,
    ...options,
    files: { 'sni.yaml': rules === '' ? '' : `sni:\n${rules}`, ...options.files },
    records: {
      'proxy.config.http.connect.verify': mode,
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.filename': 'stdout',
      'proxy.config.log.format': 'json',
      ...options.records,
    },
  })
}

const origins = (t: Test): Promise<NodeOrigin> => httpsOrigin(t, ...HOSTS)

/** The issuer of the certificate for a client that asks for `connect` and then `servername`; or the error it gets. */
async function shown(it: Bumping, connect: string, servername: string | undefined): Promise<string> {
  const { client, answer } = await it.open(connect)
  if (answer.status !== 200) return `${answer.status}`
  try {
    const options = { ...(servername === undefined ? {} : { servername }), rejectUnauthorized: false }
    const secured = await client.secure(options)
    const issuer = secured.socket.getPeerX509Certificate()?.issuer ?? 'nobody'
    secured.stop()
    return issuer
  } catch (cause) {
    return String((cause as { code?: unknown }).code)
  }
}

const refuseB = (hook: 'TS_HTTP_READ_REQUEST_HDR_HOOK'): HookGate =>
  new HookGate({
    [hook]: ({
      url,
      reenable,
    }: {
      url: string
      reenable: (verdict?: ReturnType<typeof reject>) => unknown
    }) => reenable(url.startsWith(B) ? reject('policy', 'not b') : undefined),
  })

test('a host that is to be bumped is bumped behind every CONNECT', async t => {
  for (const [mode, rules] of [
    ['probe', `- {fqdn: ${B}, connect_verify: bump}\n`],
    ['tunnel', `- {fqdn: ${B}, connect_verify: bump}\n`],
    ['probe', `- {fqdn: ${A}, connect_verify: tunnel}\n- {fqdn: ${B}, connect_verify: bump}\n`],
    ['bump', `- {fqdn: ${A}, connect_verify: tunnel}\n`],
    ['probe', `- {fqdn: ${A}, connect_verify: probe}\n- {fqdn: '*.test.example', connect_verify: bump}\n`],
  ] as const) {
    const it = await start(t, { mode, rules })
    const { port } = await origins(t)
    const what = `${mode}: ${rules.replaceAll('\n', ' ')}`
    if (mode !== 'bump') t.match(await shown(it, `${A}:${port}`, A), ORIGIN_CA, `${what}: a is not bumped`)
    for (const servername of [B, B.toUpperCase(), `${B}.`])
      t.match(await shown(it, `${A}:${port}`, servername), PROXY_CA, `${what}: SNI ${servername}`)
    t.match(await shown(it, `127.0.0.1:${port}`, B), PROXY_CA, `${what}: CONNECT to the address`)
    t.match(await shown(it, `[::ffff:127.0.0.1]:${port}`, B), PROXY_CA, `${what}: to the mapped address`)
  }
})

test('a host that is to be verified is verified behind every CONNECT', async t => {
  const it = await start(t, {
    rules: `- {fqdn: ${A}, connect_verify: tunnel}\n`,
    answer: ({ host, reenable }) => void reenable(host === B ? reject('revoked', 'b is revoked') : undefined),
  })
  const origin = await origins(t)
  t.match(await shown(it, `${A}:${origin.port}`, A), ORIGIN_CA)
  t.equal(it.gate.asked.length, 0, 'a is not verified')
  t.match(await shown(it, `${A}:${origin.port}`, B), ACCESS_DENIED)
  await it.proxy.until(/tunnel of 127\.0\.0\.1 to a\.test\.example:\d+ refused or cut: PTC_VERIFY_REJECTED/)
  t.match(await shown(it, `${A}:${origin.port}`, C), ORIGIN_CA, 'c is, and passes')
  t.strictSame(
    it.gate.asked.map(({ host }) => host),
    [B, C],
  )
  t.notOk(
    origin.handshakes.some(({ sni }) => sni === B),
    'no handshake for b was completed',
  )
})

test('a rule for an address holds for the names that lead there', async t => {
  const it = await start(t, { mode: 'tunnel', rules: `- {fqdn: 127.0.0.1, connect_verify: bump}\n` })
  const { port } = await origins(t)
  t.match(await shown(it, `${A}:${port}`, A), PROXY_CA)
  t.match(await shown(it, `${A}:${port}`, undefined), PROXY_CA)
})

test('a plugin that refuses a host is asked about the name in the ClientHello', async t => {
  for (const mode of ['probe', 'bump', 'tunnel'] as const) {
    const clientGate = refuseB('TS_HTTP_READ_REQUEST_HDR_HOOK')
    const it = await start(t, { mode, clientGates: [clientGate] })
    const origin = await origins(t)
    t.equal(await shown(it, `${B}:${origin.port}`, B), '403', `${mode}: asked for openly`)
    t.match(await shown(it, `${A}:${origin.port}`, A), mode === 'bump' ? PROXY_CA : ORIGIN_CA, `${mode}: a`)
    for (const servername of [B, `${B}.`, B.toUpperCase()])
      t.match(await shown(it, `${A}:${origin.port}`, servername), ACCESS_DENIED, `${mode}: ${servername}`)
    await it.proxy.until(/refused or cut: PTC_PLUGIN_REFUSED_REQUEST: plugin gate refused .*not b/)
    const asked = clientGate.of('TS_HTTP_READ_REQUEST_HDR_HOOK')
    const last = asked.at(-1)
    t.equal(last?.url, `${B}:${origin.port}`)
    t.equal(last?.method, 'CONNECT')
    t.equal(last?.headers.get('host'), `${B}:${origin.port}`)
    t.equal(last?.id, asked.at(-2)?.id, 'the same transaction')
    t.notOk(
      origin.handshakes.some(({ sni }) => sni?.toLowerCase().startsWith(B)),
      `${mode}: nothing for b reached the origin`,
    )
  }
})

test('a connection for another name is started under that name', async t => {
  for (const mode of ['probe', 'tunnel'] as const) {
    const clientGate = new HookGate({
      TS_VCONN_OUTBOUND_START_HOOK: ({ host, reenable }) =>
        void reenable(host === B ? reject('policy', 'not b') : undefined),
    })
    const it = await start(t, { mode, clientGates: [clientGate] })
    const { port } = await origins(t)
    t.match(await shown(it, `${A}:${port}`, C), ORIGIN_CA, `${mode}: c`)
    t.match(await shown(it, `${A}:${port}`, B), ACCESS_DENIED, `${mode}: b`)
    t.match(await shown(it, `${A}:${port}`, B), ACCESS_DENIED, `${mode}: once more`)
  }
})

test('a ClientHello that comes in pieces is judged when it is complete', async t => {
  for (const mode of ['probe', 'tunnel'] as const) {
    const it = await start(t, { mode, clientGates: [refuseB('TS_HTTP_READ_REQUEST_HDR_HOOK')] })
    const { port } = await origins(t)
    const { client } = await it.open(`${A}:${port}`)
    const hello = inRecords(helloMessage({ names: [B] }), 30)
    for (let at = 0; at < hello.length; at += 7) {
      client.send(hello.subarray(at, at + 7))
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    await client.until(() => (client.pending().length >= 7 ? true : undefined), 'the alert')
    t.equal(client.pending().toString('hex'), '15030300020231', `${mode}: access_denied`)
    await client.ended()
  }
})

test('a second ClientHello cannot ask for another name', async t => {
  for (const mode of ['probe', 'tunnel'] as const) {
    const it = await start(t, { mode, rules: `- {fqdn: ${B}, connect_verify: bump}\n` })
    const leaf = await it.root.issue({ cn: A, sans: HOSTS })
    const origin = await opensslOrigin({ ...leaf, tls: '1.3', groups: 'P-384' })
    t.teardown(origin.stop)
    const { client } = await it.open(`${A}:${origin.port}`)
    const before = origin.receivedNames().filter(name => name === 'ClientHello').length
    client.send(retriedHello(A))
    await client.until(() => (client.pending().length > 0 ? true : undefined), 'the HelloRetryRequest')
    client.send(retriedHello(B))
    await client.ended()
    const after = origin.receivedNames().filter(name => name === 'ClientHello').length
    t.equal(after - before, 1, `${mode}: the second one did not reach the origin`)
    await it.proxy.until(/PTC_TUNNEL_NOT_TLS: the second ClientHello asks for another name/)
  }
})

/** TLS 1.3 with a group that it sends no share for. */
function retriedHello(name: string): Buffer {
  const u16 = (...values: number[]): Buffer =>
    Buffer.from(values.flatMap(value => [value >> 8, value & 0xff]))
  const share = Buffer.concat([u16(0x001d, 32), Buffer.alloc(32, 9)])
  const more: [number, Buffer][] = [
    [43, Buffer.from([2, 3, 4])],
    [10, u16(4, 0x001d, 0x0018)],
    [13, u16(4, 0x0403, 0x0804)],
    [51, Buffer.concat([u16(share.length), share])],
  ]
  return inRecords(helloMessage({ names: [name], more }))
}

test('a plain request in a tunnel is judged by the host that it names', async t => {
  const it = await start(t, { mode: 'tunnel', clientGates: [refuseB('TS_HTTP_READ_REQUEST_HDR_HOOK')] })
  const origin = await rawOrigin(scripts.silence)
  t.teardown(origin.stop)
  const send = async (early: string) => {
    const count = origin.connections.length
    const client: RawClient = await it.ask(`${A}:${origin.port}`, early)
    t.equal((await client.response('CONNECT')).status, 200)
    return { client, connection: await origin.connection(count) }
  }
  for (const early of [`GET / HTTP/1.1\r\nHost: ${A}\r\n\r\n`, 'anything else']) {
    const { client, connection } = await send(early)
    await connection.untilBytes(early.length)
    client.stop()
  }
  for (const early of [
    `GET / HTTP/1.1\r\nHost: ${B}\r\n\r\n`,
    `GET http://${B}/ HTTP/1.1\r\nHost: ${A}\r\n\r\n`,
  ]) {
    const { client, connection } = await send(early)
    t.equal((await client.response()).status, 403)
    await client.ended()
    t.equal(connection.bytes().length, 0)
  }
})

test('a later request in a plain tunnel cannot be for a host that a rule or a plugin keeps from it', async t => {
  const toB = `GET / HTTP/1.1\r\nHost: ${B}\r\n\r\n`
  for (const options of [
    { rules: `- {fqdn: ${B}, connect_verify: bump}\n` },
    { clientGates: [refuseB('TS_HTTP_READ_REQUEST_HDR_HOOK')] },
  ]) {
    const it = await start(t, { mode: 'tunnel', ...options })
    const origin = await rawOrigin(scripts.reply('HTTP/1.1 204 No Content\r\n\r\n'))
    t.teardown(origin.stop)
    const client = await it.ask(`${A}:${origin.port}`, `GET / HTTP/1.1\r\nHost: ${A}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 200)
    t.equal((await client.response()).status, 204, 'the first one is for the host of the CONNECT')
    client.send(toB)
    await client.ended()
    await it.proxy.until(new RegExp(`refused or cut: PTC_MISDIRECTED: a request for ${B} in a tunnel`))

    const split = await it.ask(`${A}:${origin.port}`, 'FOO')
    t.equal((await split.response('CONNECT')).status, 200)
    split.send(toB.slice(3))
    await split.ended()
    const h2 = await it.ask(`${A}:${origin.port}`, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    t.equal((await h2.response('CONNECT')).status, 200)
    await h2.ended()
    await it.proxy.until(/PTC_TUNNEL_HIDDEN: .* HTTP\/2 without TLS/)
    for (const connection of origin.connections) t.notMatch(connection.text(), B)
  }
})

test('a tunnel into which the proxy looks still carries every protocol', async t => {
  const it = await start(t, { mode: 'tunnel', rules: `- {fqdn: ${B}, connect_verify: bump}\n` })
  const speaksFirst = await rawOrigin(async connection => {
    connection.send('220 ready\r\n')
    await connection.untilBytes(6)
    connection.send('bye')
    connection.end()
  })
  t.teardown(speaksFirst.stop)
  const { client } = await it.open(`${A}:${speaksFirst.port}`)
  await client.until(() => /220 ready/.exec(client.text()) ?? undefined, 'the greeting')
  client.send('QUIT\r\n')
  await client.ended()
  t.match(client.text(), /bye$/)

  const echo = await rawOrigin(async connection => {
    await connection.until(() => (connection.endedAt === undefined ? undefined : true), 'the end')
    connection.send(connection.bytes())
    connection.end()
  })
  t.teardown(echo.stop)
  const half = await it.open(`${A}:${echo.port}`)
  half.client.send('all of it')
  half.client.end()
  await half.client.ended()
  t.equal(half.client.pending().toString(), 'all of it', 'an end in one direction passes')
})

test('requests inside a bump are for the one host, whatever they are', async t => {
  const it = await start(t, { rules: `- {fqdn: ${A}, connect_verify: bump}\n` })
  const { port, requests } = await origins(t)
  const connect = async (): Promise<RawClient> => {
    const { client } = await it.open(`${A}:${port}`)
    return client.secure({ servername: A, ca: it.trusted })
  }
  const inside = await connect()
  for (const [request, status] of [
    [`GET / HTTP/1.1\r\nHost: ${A}:${port}\r\n\r\n`, 200],
    [`GET / HTTP/1.1\r\nHost: ${B}:${port}\r\n\r\n`, 421],
    [`GET https://${B}:${port}/ HTTP/1.1\r\nHost: ${A}:${port}\r\n\r\n`, 421],
    [`GET / HTTP/1.1\r\nHost: ${A}.:${port}\r\n\r\n`, 200],
    [`CONNECT ${B}:${port} HTTP/1.1\r\nHost: ${B}:${port}\r\n\r\n`, 501],
  ] as const) {
    inside.send(request)
    t.equal((await inside.response()).status, status, request)
  }
  const other = await connect()
  other.send(`GET / HTTP/1.1\r\nHost: ${B}.:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  t.equal((await other.response()).status, 421, 'a WebSocket')
  t.equal(requests.length, 2)
})

test('the name that a rule announces is probed, and the one that the client announces', async t => {
  const it = await start(t, { rules: `- {fqdn: ${A}, client_sni: ${C}}\n` })
  const { port } = await origins(t)
  t.match(await shown(it, `${A}:${port}`, A), ORIGIN_CA)
  t.strictSame(
    it.gate.asked.map(({ host, sni }) => [host, sni]),
    [
      [A, C],
      [A, A],
    ],
  )
})

test('the access log tells what the tunnel was for', async t => {
  const it = await start(t)
  const { port } = await origins(t)
  await shown(it, `${A}:${port}`, `${B}.`)
  const [line] = await it.proxy.until(/^\{"time".*$/m)
  t.match(JSON.parse(line), { method: 'CONNECT', url: `${A}:${port}`, sni: `${B}.`, status: 200 })
  const text = await start(t, { records: { 'proxy.config.log.format': '%<cquc> %<cssn> %<shn>' } })
  await shown(text, `${A}:${port}`, B.toUpperCase())
  t.ok(await text.proxy.until(new RegExp(`^${A}:${port} ${B.toUpperCase()} ${B}$`, 'm')))
})
