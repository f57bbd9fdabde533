/** Connections of HTTP/2 that serve other names than the one they were opened for, and each condition under which they do not. */
import { test } from 'tap'
import { BUMP, bumpFiles } from '../kit/bumping.js'
import { get, getOn, rawClient } from '../kit/client.js'
import { A, ask, B, HOOKED, isShared, nginx, RECORD, root, start } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { Http2Client, tlsSocket, tunnelSocket } from '../kit/http2-client.js'
import type { NginxOriginOptions } from '../kit/nginx-origin.js'
import { startParent } from '../kit/parent-proxy.js'
import type { ProxyConf } from '../kit/proxy.js'

test('a name that certificate, address and rule cover shares the connection of another', async t => {
  const port = await nginx(t)
  const proxy = await start(t, { records: { 'proxy.config.http.insert_client_ip': 0 } })
  const first = await ask(proxy, A, port)
  const second = await ask(proxy, B, port)
  t.strictSame(second, { ...first, by: A }, 'which was opened for the first name')
  t.strictSame(await ask(proxy, B, port), first, 'again')
  t.strictSame(await ask(proxy, A, port), first)
  t.equal((await ask(proxy, B, port, ['Authorization: Negotiate YII='])).protocol, 'HTTP/1.1', 'no logins')
})

test('a rule with demands that the shared certificate meets is no hindrance', async t => {
  const port = await nginx(t)
  const rule = "sni:\n- fqdn: '*.example'\n  verify_server_min_rsa_bits: 2048\n  verify_server: 1\n"
  t.ok(await isShared(t, await start(t, { files: { 'sni.yaml': rule } }), port))
})

test('inside bumped CONNECTs, each name has its own certificate and a shared connection', async t => {
  const port = await nginx(t)
  const files = await bumpFiles()
  const proxy = await start(t, { files, records: BUMP })
  const tells = async (host: string): Promise<string> => {
    const tunnel = await tunnelSocket(proxy.port, `${host}:${port}`)
    const socket = await tlsSocket(tunnel, { ca: files['bump-ca.pem'], servername: host })
    const client = new Http2Client(socket)
    t.teardown(client.stop)
    return (await client.ask({ ':authority': `${host}:${port}`, ':path': '/' })).body.toString()
  }
  const first = await tells(A)
  t.match(first, /HTTP\/2.0 for a\.example by a\.example/)
  t.equal(await tells(B), first.replace('for a', 'for b'))
})

test('what plugins and logs are told is what was judged for the name', async t => {
  const port = await nginx(t)
  const seen: unknown[] = []
  hear(t, 'coalescing sent', fact => void seen.push(fact))
  const proxy = await start(t, {
    plugins: ['sent.mjs'],
    modules: {
      'sent.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ hookAdd }) => hookAdd('TS_HTTP_SEND_REQUEST_HDR_HOOK', ({ origin, reenable }) => {
  channel('coalescing sent').publish([origin.verified.host, origin.verified.sni, origin.verified.builtIn.ok])
  reenable()
})`,
    },
  })
  t.ok(await isShared(t, proxy, port))
  t.strictSame(seen, [
    [A, A, true],
    [B, A, true],
  ])
})

const CHECK =
  'the built-in check has to decide (proxy.config.ssl.client.verify.server.policy ENFORCED, and .properties ALL), without a certificate for origins'

/** One condition each that does not hold. */
const APART: Readonly<
  Record<string, ProxyConf & { readonly nginx?: Partial<NginxOriginOptions>; readonly warning?: string }>
> = {
  'the record is 0': { records: { [RECORD]: 0 } },
  'the second name has another address': {
    files: { hosts: `127.0.0.1 ${A}\n127.0.0.2 ${B}\n` },
    nginx: { addresses: ['127.0.0.1', '127.0.0.2'] },
  },
  'the second name has another rule': {
    files: { 'sni.yaml': `sni:\n- fqdn: ${B}\n  verify_server_min_rsa_bits: 2048\n` },
  },
  'a rule announces another name': {
    files: { 'sni.yaml': "sni:\n- fqdn: '*.example'\n  client_sni: front.example\n" },
  },
  'a rule takes certificates for another name': {
    files: { 'sni.yaml': `sni:\n- fqdn: '*.example'\n  verify_server_name: ${A}\n` },
  },
  'the built-in check does not bind': {
    records: { 'proxy.config.ssl.client.verify.server.policy': 'PERMISSIVE' },
    warning: CHECK,
  },
  'the chain is not checked': {
    records: { 'proxy.config.ssl.client.verify.server.properties': 'NAME' },
    warning: CHECK,
  },
  'the name is not checked': {
    records: { 'proxy.config.ssl.client.verify.server.properties': 'SIGNATURE' },
    warning: CHECK,
  },
  'nothing is verified': { records: { 'proxy.config.ssl.client.verify.server': 0 }, warning: CHECK },
  'there is a certificate for origins': {
    clientCertificate: await root.issue({ cn: 'proxy' }),
    warning: CHECK,
  },
  'a plugin decides about certificates': {
    plugins: ['hooked.mjs'],
    modules: HOOKED('TS_SSL_CERT_VERIFY_HOOK', 'event.reenable()'),
    warning: 'plugin hooked is on TS_SSL_CERT_VERIFY_HOOK',
  },
  'a plugin completes chains': {
    plugins: ['aia'],
    warning: 'plugin aia is on TS_SSL_CERT_VERIFY_HOOK',
  },
  'a plugin in shadow mode is asked about certificates': {
    plugins: ['hooked.mjs @mode=shadow'],
    modules: HOOKED('TS_SSL_CERT_VERIFY_HOOK', 'event.reenable()'),
    warning: 'plugin hooked is on TS_SSL_CERT_VERIFY_HOOK',
  },
  'a plugin is asked about the start of connections': {
    plugins: ['hooked.mjs'],
    modules: HOOKED('TS_VCONN_OUTBOUND_START_HOOK', 'event.reenable()'),
    warning: 'plugin hooked is on TS_VCONN_OUTBOUND_START_HOOK',
  },
}

for (const [condition, { nginx: origin, warning, ...conf }] of Object.entries(APART)) {
  test(`each name has its own connection where ${condition}`, async t => {
    const port = await nginx(t, origin)
    const proxy = await start(t, conf)
    t.notOk(await isShared(t, proxy, port))
    const warned = /no names can share a connection: (.*)/.exec(proxy.output())?.[1]
    t.equal(warned, warning, 'what the start says where no name can')
  })
}

test('an address shares no connection with a name', async t => {
  const { chainPem, keyPem } = await root.issue({ cn: A, sans: [A, B, '127.0.0.1'] })
  const port = await nginx(t, { chainPem, keyPem })
  for (const hosts of [
    ['127.0.0.1', A],
    [A, '127.0.0.1'],
  ]) {
    const proxy = await start(t)
    const answers = []
    for (const host of hosts) answers.push(await ask(proxy, host, port))
    t.strictSame(
      answers.map(({ status, protocol }) => [status, protocol]),
      Array(2).fill([200, 'HTTP/2.0']),
    )
    t.not(answers[0]?.connection, answers[1]?.connection, `${hosts}`)
  }
})

test('a tunnel whose ClientHello names another host than its CONNECT shares no connection', async t => {
  const port = await nginx(t)
  const files = await bumpFiles()
  const proxy = await start(t, { files, records: BUMP })
  const inside = async (target: string, host: string): Promise<string | undefined> => {
    const tunnel = await tunnelSocket(proxy.port, `${target}:${port}`)
    const client = new Http2Client(await tlsSocket(tunnel, { ca: files['bump-ca.pem'], servername: host }))
    t.teardown(client.stop)
    const { body } = await client.ask({ ':authority': `${host}:${port}`, ':path': '/' })
    return /^(\d+) HTTP\/2.0 for (\S+) by \2/.exec(body.toString())?.[1]
  }
  const connections = [
    await inside(A, B),
    await inside('127.0.0.1', B),
    (await ask(proxy, A, port)).connection,
    await inside(B, A),
  ]
  t.notOk(connections.includes(undefined))
  t.equal(new Set(connections).size, 4)
})

test('a connection that announces its client by the PROXY protocol shares no name', async t => {
  const port = await nginx(t, { announced: true })
  const proxy = await start(t, { records: { 'proxy.config.http.proxy_protocol_out': 2 } })
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  const told = async (host: string): Promise<string> =>
    (await getOn(client, `https://${host}:${port}/`)).body.toString()
  const first = await told(A)
  t.match(first, /HTTP\/2.0 for a\.example by a\.example/)
  t.equal(await told(A), first, 'it serves its client again')
  t.match(await told(B), /HTTP\/2.0 for b\.example by b\.example/)
})

test('another port, a parent, and HTTP/1.1 keep names apart', async t => {
  const port = await nginx(t)
  const other = await nginx(t)
  const proxy = await start(t)
  await ask(proxy, A, port)
  t.equal((await ask(proxy, B, other)).by, B, 'another port')
  const to = await startParent(t, { hosts: { [A]: '127.0.0.1', [B]: '127.0.0.1' } })
  const behind = await start(t, {
    hosts: [],
    files: { 'parent.config': `dest_domain=. parent="127.0.0.1:${to.port}"\n` },
  })
  t.notOk(await isShared(t, behind, port), 'a parent')
  const old = await start(t, { records: { 'proxy.config.ssl.client.alpn_protocols': 'http/1.1' } })
  const [first, second] = [await ask(old, A, port), await ask(old, B, port)]
  t.strictSame([first.protocol, second.by], ['HTTP/1.1', B])
})

test('a name that the certificate does not have is judged by a handshake, and rejected', async t => {
  const { chainPem, keyPem } = await root.issue({ cn: A, sans: [A] })
  const port = await nginx(t, { chainPem, keyPem })
  const proxy = await start(t)
  t.equal((await ask(proxy, A, port)).status, 200)
  const { status, body } = await get(proxy.port, `https://${B}:${port}/`)
  t.equal(status, 502)
  t.match(body.toString(), /HOSTNAME_MISMATCH/)
})

test('a plugin that rejects the second name rejects it', async t => {
  const port = await nginx(t)
  const proxy = await start(t, {
    plugins: ['hooked.mjs'],
    modules: HOOKED(
      'TS_SSL_CERT_VERIFY_HOOK',
      `event.reenable(event.host === '${B}' ? reject('policy', 'not this one') : undefined)`,
    ),
  })
  t.equal((await ask(proxy, A, port)).status, 200)
  t.equal((await ask(proxy, B, port)).status, 502)
})

test('a wildcard covers names, and one connection serves at most 64 others', async t => {
  const names = Array.from({ length: 67 }, (_, i) => `n${i}.many.example`)
  const { chainPem, keyPem } = await root.issue({ cn: 'many', sans: ['*.many.example'] })
  const port = await nginx(t, { chainPem, keyPem })
  const proxy = await start(t, { hosts: names })
  const connections: unknown[] = []
  for (const name of names) connections.push((await ask(proxy, name, port)).connection)
  const [first] = connections
  t.strictSame(connections.slice(0, 65), Array(65).fill(first))
  t.strictSame(new Set(connections.slice(65)).size, 1, 'those behind them share another one')
  t.not(connections[65], first)
})
