/** The PROXY protocol towards origins and parents. */
import { type Test, test } from 'tap'
import { headerBytes, localHeaderBytes, readHeader } from '../../core/vconn/proxy-protocol.js'
import { startBumping } from '../kit/bumping.js'
import { getOn, rawClient } from '../kit/client.js'
import { type ConnectingOptions, startConnecting, testRoot } from '../kit/connecting.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { freePort, listen } from '../kit/tcp-server.js'

const HOST = 'www.origin.test'

/** nginx that wants a header on each connection, and answers with the address in it. */
async function nginx(t: Test) {
  const leaf = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  const [plain, secure] = await Promise.all([freePort(), freePort()])
  const answer = 'location / { return 200 "$proxy_protocol_addr $connection_requests\\n"; }'
  const origin = await nginxOrigin({
    chainPem: leaf.chainPem,
    keyPem: leaf.keyPem,
    http: `server { listen 127.0.0.1:${plain} proxy_protocol; ${answer} }
  server { listen 127.0.0.1:${secure} ssl proxy_protocol; ssl_certificate cert.pem; ssl_certificate_key key.pem; ${answer} }`,
  })
  t.teardown(origin.stop)
  return { plain: `http://${HOST}:${plain}/`, secure: `https://${HOST}:${secure}/` }
}

const out = (version: -1 | 0 | 1 | 2) => ({ 'proxy.config.http.proxy_protocol_out': version }) as const

async function bodyFor(t: Test, port: number, url: string, from: string, times = 1): Promise<string> {
  const client = await rawClient(port, '127.0.0.1', from)
  t.teardown(client.stop)
  let body = ''
  for (let i = 0; i < times; i++) body = (await getOn(client, url)).body.toString()
  return body
}

for (const version of [1, 2] as const)
  test(`nginx learns each client, version ${version}`, async t => {
    const { plain, secure } = await nginx(t)
    const { proxy } = await startConnecting(t, { hosts: [HOST], records: out(version) })
    for (const url of [plain, secure]) {
      t.equal(
        await bodyFor(t, proxy.port, url, '127.0.0.2', 2),
        '127.0.0.2 2\n',
        'a connection serves its client again',
      )
      t.equal(await bodyFor(t, proxy.port, url, '127.0.0.3'), '127.0.0.3 1\n', 'and never another one')
      t.equal(await bodyFor(t, proxy.port, url, '127.0.0.2'), '127.0.0.2 1\n', 'nor another connection of it')
    }
  })

test('through CONNECT in each mode', async t => {
  const { secure } = await nginx(t)
  for (const mode of ['probe', 'bump', 'tunnel'] as const) {
    const { curl, proxy } = await startBumping(t, {
      hosts: [HOST],
      records: { 'proxy.config.http.connect.verify': mode, ...out(2) },
    })
    for (const from of ['127.0.0.2', '127.0.0.3']) {
      const { code, stdout, stderr } = await curl('-k', '--interface', from, secure)
      t.equal(code, 0, `${mode}: ${stderr}${proxy.output()}`)
      t.match(stdout, new RegExp(`${from} 1\n$`), mode)
    }
    await proxy.stop()
  }
})

/** The first bytes of each connection to a port that answers nothing. */
async function listening(t: Test) {
  const said: Buffer[] = []
  const { port, stop } = await listen(socket => {
    socket.once('data', bytes => {
      said.push(Buffer.from(bytes))
      socket.end()
    })
  })
  t.teardown(stop)
  return { port, said }
}

const ENDS = { remoteAddress: '192.0.2.7', remotePort: 4, localAddress: '198.51.100.1', localPort: 5 }
const TLVS = Buffer.from([0x02, 0, 3, 97, 98, 99, 0xe0, 0, 1, 7])

const behindRelay: Partial<ConnectingOptions> = {
  files: { 'ip_allow.yaml': 'ip_allow:\n  - {apply: in, ip_addrs: 0/0, action: allow, methods: ALL}\n' },
  records: {
    'proxy.config.http.server_ports': '0:pp:ip-in=127.0.0.1',
    'proxy.config.http.proxy_protocol_allowlist': '127.0.0.1',
  },
}

test('what was received is passed on, with its values', async t => {
  const { port, said } = await listening(t)
  const records = { ...behindRelay.records, ...out(0) }
  const { proxy } = await startConnecting(t, { hosts: [HOST], ...behindRelay, records })
  const request = `GET http://${HOST}:${port}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`
  for (const header of [
    headerBytes(1, { ...ENDS, tlvs: Buffer.alloc(0) }),
    headerBytes(2, { ...ENDS, tlvs: TLVS }),
    localHeaderBytes(2),
  ]) {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    client.send(Buffer.concat([header, Buffer.from(request)]))
    t.equal((await client.response()).status, 502)
    const sent = said.at(-1) ?? Buffer.alloc(0)
    const isLocal = header.length === 16
    t.equal(sent.subarray(0, header.length).equals(header), !isLocal)
    t.match(sent.subarray(isLocal ? 0 : header.length).toString(), /^GET \/ HTTP\/1\.1/)
  }
})

test('a parent gets the PROXY header before the CONNECT', async t => {
  const { port, said } = await listening(t)
  const files = { 'parent.config': `dest_domain=. parent="127.0.0.1:${port}" go_direct=false\n` }
  const { ask } = await startConnecting(t, { hosts: [HOST], files, records: out(2) })
  await (await ask(`${HOST}:443`)).response('CONNECT')
  const sent = said[0] ?? Buffer.alloc(0)
  const reading = readHeader(sent)
  t.match(reading, { kind: 'header', announced: { remoteAddress: '127.0.0.1' } })
  const end = reading.kind === 'header' ? reading.end : 0
  t.match(sent.subarray(end).toString(), /^CONNECT www\.origin\.test:443 HTTP\/1\.1\r\n/)
})
