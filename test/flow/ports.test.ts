import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { type Test, test } from 'tap'
import { curl } from '../kit/curl.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { freePort } from '../kit/tcp-server.js'

const root = await makeAuthority({ name: 'Port Root' })
const own = await root.issue({ cn: 'proxy.example', sans: ['proxy.example', '127.0.0.1'] })
const other = await root.issue({ cn: 'other.example', sans: ['*.other.example'] })
const later = await root.issue({ cn: 'later.example', sans: ['proxy.example', '127.0.0.1'] })

const FILES = {
  'own.pem': own.chainPem,
  'own.key': own.keyPem,
  'other.pem': other.chainPem + other.keyPem,
  'later.pem': later.chainPem + later.keyPem,
  'root.pem': root.certPem,
  'ssl_multicert.config': 'dest_ip=* ssl_cert_name=own.pem ssl_key_name=own.key\nssl_cert_name=other.pem\n',
}

const confWith = (
  ports: string,
  files: Record<string, string> = {},
  records: ProxyConf['records'] = {},
): ProxyConf => ({
  hosts: ['origin.example'],
  files: { ...FILES, ...files },
  ca: root.certPem,
  records: { 'proxy.config.http.server_ports': ports, 'proxy.config.http.connect_ports': '*', ...records },
})

async function start(t: Test, conf: ProxyConf) {
  const origin = await nodeOrigin()
  const proxy = await startProxyHere(conf)
  t.teardown(async () => {
    await proxy.stop()
    await origin.stop()
  })
  return {
    origin,
    proxy,
    ports: proxy.server.ports.map(({ port }) => port),
    url: `http://origin.example:${origin.port}/`,
  }
}

/** The common name of what a client of the port is shown. */
async function shown(port: number, servername?: string): Promise<string> {
  const socket = tlsConnect({
    port,
    host: '127.0.0.1',
    ca: root.certPem,
    checkServerIdentity: () => undefined,
    ...(servername === undefined ? {} : { servername }),
  })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

test('a client may speak TLS to the proxy', async t => {
  const { proxy, ports, url, origin } = await start(t, confWith('0:ssl:ip-in=127.0.0.1'))
  const via = ['-sS', '-x', `https://127.0.0.1:${ports[0]}`, '--proxy-cacert', `${proxy.conf.path}/root.pem`]
  t.equal((await curl([...via, url])).stdout, `hello from origin.example:${origin.port}\n`)
  const tunnel = await curl([...via, '-k', '-o', '/dev/null', `https://origin.example:${origin.port}/`])
  t.match(tunnel.stderr, /response 502|code 502/, 'serves CONNECT as well; this origin speaks no TLS')
  t.not(
    (await curl(['-sS', '-x', `https://127.0.0.1:${ports[0]}`, url])).code,
    0,
    'curl checks the certificate',
  )
  const plain = await curl(['-sS', '-x', `http://127.0.0.1:${ports[0]}`, '--max-time', '5', url])
  t.not(plain.code, 0, 'without TLS there is no answer')
  t.equal((await curl([...via, url])).code, 0, 'and nothing is broken by it')

  t.equal(await shown(ports[0] ?? 0), 'proxy.example')
  t.equal(
    await shown(ports[0] ?? 0, 'a.other.example'),
    'other.example',
    'the certificate follows from the name',
  )
  t.equal(await shown(ports[0] ?? 0, 'a.b.other.example'), 'proxy.example')
})

test('a reload exchanges certificates without dropping a connection', async t => {
  const { proxy, ports, url } = await start(t, confWith('0:ssl:ip-in=127.0.0.1'))
  const [port = 0] = ports
  const socket = tlsConnect({ port, host: '127.0.0.1', ca: root.certPem })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  proxy.conf.write(confWith('0:ssl:ip-in=127.0.0.1', { 'ssl_multicert.config': 'ssl_cert_name=later.pem\n' }))
  await proxy.server.reload()
  t.equal(await shown(port), 'later.example')
  socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200/, 'one that was there goes on')

  proxy.conf.write(
    confWith('0:ssl:ip-in=127.0.0.1', {
      'ssl_multicert.config': 'ssl_cert_name=own.pem ssl_key_name=later.pem\n',
    }),
  )
  await t.rejects(proxy.server.reload(), {
    code: 'PTC_TLS_CONTEXT',
    message: /ssl_multicert\.config:1: own\.pem, later\.pem/,
  })
  t.equal(await shown(port), 'later.example', 'after a bad reload all stays')
})

test('a slow client of an ssl port is cut off', async t => {
  const { ports, url } = await start(
    t,
    confWith(
      '0:ssl:ip-in=127.0.0.1',
      {},
      {
        'proxy.config.ssl.handshake_timeout_in': 1,
        'proxy.config.http.transaction_no_activity_timeout_in': 1,
      },
    ),
  )
  const [port = 0] = ports
  const silent = connect({ port, host: '127.0.0.1' })
  const slow = tlsConnect({ port, host: '127.0.0.1', ca: root.certPem })
  const startedAt = performance.now()
  await once(slow, 'secureConnect')
  slow.write(`GET ${url} HT`)
  const dribble = setInterval(() => slow.write('T'), 200)
  t.teardown(() => clearInterval(dribble))
  slow.resume().on('error', () => {})
  await Promise.all([once(silent, 'close'), once(slow, 'close')])
  t.ok(performance.now() - startedAt < 6000, 'is cut off, in its handshake and in its request')
})

test('an ssl port without a certificate does not start', async t => {
  const begin = (files: Record<string, string>) =>
    startProxyHere({ ...confWith('0:ssl:ip-in=127.0.0.1'), files })
  await t.rejects(
    begin({}),
    { code: 'PTC_CONFIG_UNREADABLE', message: /ssl_multicert\.config/ },
    'is an error at start-up',
  )
  await t.rejects(begin({ 'ssl_multicert.config': '# nothing\n' }), {
    code: 'PTC_SSL_MULTICERT_INVALID',
    message: /names no certificate/,
  })
  await t.rejects(begin({ ...FILES, 'ssl_multicert.config': 'ssl_cert_name=own.pem\n' }), {
    code: 'PTC_TLS_CONTEXT',
    message: /ssl_multicert\.config:1: own\.pem: no private key in own\.pem; .* ssl_key_name=FILE$/,
  })
  await t.rejects(begin({ 'ssl_multicert.config': 'ssl_cert_name=missing.pem\n' }), {
    code: 'PTC_TLS_CONTEXT',
    message: /ssl_multicert\.config:1: .*missing\.pem/,
  })
})

test('the proxy listens on several ports, also on IPv6', async t => {
  const { proxy, url } = await start(t, confWith('0:ip-in=127.0.0.1 0:ip-in=[::1] 0:ssl:ip-in=127.0.0.1'))
  const [v4, v6] = proxy.server.ports
  t.match([v4?.address, v6?.address], ['127.0.0.1', '::1'])
  for (const proxyUrl of [`http://127.0.0.1:${v4?.port}`, `http://[::1]:${v6?.port}`])
    t.match((await curl(['-sS', '-x', proxyUrl, url])).stdout, /hello/, proxyUrl)
  const both = await start(t, confWith(`${await freePort('::1')}:ipv6 0:ip-in=127.0.0.1`))
  const [wild] = both.proxy.server.ports
  const second = await start(t, confWith(`${wild?.port}:ip-in=127.0.0.1`))
  t.equal(second.proxy.port, wild?.port, 'an IPv6 port leaves the same number to IPv4')
})

test('the number of connections has a limit', async t => {
  const limits = {
    'proxy.config.net.per_client.max_connections_in': 2,
    'proxy.config.net.connections_throttle': 3,
  }
  const { ports, proxy } = await start(t, confWith('0:ip-in=127.0.0.1', {}, limits))
  const open = async (localAddress: string) => {
    const socket = connect({ port: ports[0] ?? 0, host: '127.0.0.1', localAddress })
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    const closed = new Promise(resolve => socket.once('close', () => resolve('closed')))
    await once(socket, 'connect')
    return {
      socket,
      isOpen: async () => (await Promise.race([closed, new Promise(r => setTimeout(r, 100))])) !== 'closed',
    }
  }
  const [a, b, c] = [await open('127.0.0.1'), await open('127.0.0.1'), await open('127.0.0.1')]
  t.strictSame([await a.isOpen(), await b.isOpen(), await c.isOpen()], [true, true, false], 'per client')
  t.match(proxy.output(), /127\.0\.0\.1 has reached per_client\.max_connections_in \(2\)/)
  const [d, e] = [await open('127.0.0.2'), await open('127.0.0.3')]
  t.strictSame([await d.isOpen(), await e.isOpen()], [true, true], 'others are served')
  t.strictSame([await a.isOpen(), await b.isOpen()], [true, false], 'the one with the most loses its newest')
  a.socket.destroy()
  await once(a.socket, 'close')
  await new Promise(r => setTimeout(r, 50))
  t.ok(await (await open('127.0.0.1')).isOpen(), 'who leaves makes room')
})
