/** An answer that comes while the client still sends: it reaches the client, whichever way the proxy then ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { LINGER } from '../../core/vconn/linger.js'
import { atEnd } from '../kit/at-end.js'
import { BUMP, bumpFiles } from '../kit/bumping.js'
import { type RawClient, rawClient, tlsClient } from '../kit/client.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { curl } from '../kit/curl.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { root as portRoot, SECURE_FILES } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'origin.example'
/** Nothing listens there. */
const CLOSED = `${HOST}:1`
const URL = `http://${CLOSED}/`
const LENGTH = 1_000_000

const dir = makeTempDir()
atEnd(dir.remove)
const BODY = dir.file('body', 'x'.repeat(10_000_000))
const BUMP_ROOT = dir.file('bump.pem', (await bumpFiles())['bump-ca.pem'])
const READERS = 'ip_allow:\n  - { apply: in, ip_addrs: 127.0.0.1, action: allow, methods: [GET] }\n'

async function start(records: ProxyConf['records'], files: ProxyConf['files'] = {}): Promise<number> {
  const proxy = await startProxyHere({
    hosts: [HOST],
    ca: (await testRoot()).certPem,
    files: { ...SECURE_FILES, ...(await bumpFiles()), users: `joe:$2b$05$${'C'.repeat(53)}`, ...files },
    records: {
      'proxy.config.http.connect_ports': '*',
      'proxy.config.ssl.client.verify.server': 1,
      ...records,
    },
  })
  atEnd(proxy.stop)
  return proxy.port
}

const plain = await start({})
const ssl = await start({ 'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1' })
const bump = await start(BUMP)
const socks = await start({ 'proxy.config.http.server_ports': '0:socks:ip-in=127.0.0.1' })
const login = await start({ 'proxy.config.http.proxy_auth.htpasswd': 'users' })
const readers = await start({}, { 'ip_allow.yaml': READERS })

const post = (url: string, fields = ''): string =>
  `POST ${url} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${LENGTH}\r\n${fields}\r\n`

async function at(port: number, text: string | Uint8Array): Promise<RawClient> {
  const client = await rawClient(port)
  client.send(text)
  return client
}

const secure = () => tlsClient(ssl, { ca: portRoot.certPem, servername: 'proxy.example' })

/** A slow client that reads nothing before it has sent everything. @returns what it has read then */
async function slowly(client: RawClient): Promise<string> {
  client.socket.pause()
  const endsAt = performance.now() + 1.5 * LINGER
  while (performance.now() < endsAt && !client.isEnded) {
    client.send(Buffer.alloc(1000, 'x'))
    await sleep(50)
  }
  client.socket.resume()
  await client.until(() => (client.text() === '' && !client.isEnded ? undefined : true), 'an answer')
  const text = client.text()
  client.stop()
  return text
}

test('a client that sends all of a slow upload before it reads has the answer', async t => {
  const origin = await httpsOrigin(t, HOST)
  const bumped = async (): Promise<RawClient> => {
    const client = await at(bump, `CONNECT ${HOST}:${origin.port} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
    t.equal((await client.response('CONNECT')).status, 200)
    const ca = (await bumpFiles())['bump-ca.pem']
    const inside = await client.secure({ ca, servername: HOST })
    inside.send(post('/').replace(`Host: ${HOST}`, 'Host: other.example'))
    return inside
  }
  const sending = (client: RawClient, text: string): RawClient => {
    client.send(text)
    return client
  }
  const refused: Readonly<Record<string, readonly [Promise<RawClient>, string]>> = {
    'no origin': [at(plain, post(URL)), 'HTTP/1.1 502'],
    'no origin, and the connection ends': [at(plain, post(URL, 'Connection: close\r\n')), 'HTTP/1.1 502'],
    'a request that makes no sense': [at(plain, post('gopher://x/')), 'HTTP/1.1 400'],
    'a head that is malformed': [at(plain, post(`${URL} x`)), 'HTTP/1.1 400'],
    'a name is wanted': [at(login, post(URL)), 'HTTP/1.1 407'],
    'a method that is not allowed': [at(readers, post(URL)), 'HTTP/1.1 403'],
    'an ssl port: no origin': [secure().then(client => sending(client, post(URL))), 'HTTP/1.1 502'],
    'an ssl port: a head that is malformed': [
      secure().then(client => sending(client, post(`${URL} x`))),
      'HTTP/1.1 400',
    ],
    'in a bumped CONNECT: another host': [bumped(), 'HTTP/1.1 421'],
    'a CONNECT whose origin cannot be probed': [
      at(plain, `CONNECT ${CLOSED} HTTP/1.1\r\nHost: ${CLOSED}\r\n\r\n`),
      'HTTP/1.1 502',
    ],
    'a CONNECT without a name': [
      at(login, `CONNECT ${CLOSED} HTTP/1.1\r\nHost: ${CLOSED}\r\n\r\n`),
      'HTTP/1.1 407',
    ],
    'SOCKS: a method that is not there': [at(socks, Uint8Array.of(5, 1, 1)), '\x05\xff'],
  }
  await Promise.all(
    Object.entries(refused).map(async ([what, [client, answer]]) => {
      t.equal((await slowly(await client)).slice(0, answer.length), answer, what)
    }),
  )
})

test('curl reads the answer to an upload of 10 MB every time', async t => {
  const origin = await httpsOrigin(t, HOST)
  const upload = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-T', BODY]
  const uploads: Readonly<Record<string, readonly [readonly string[], string]>> = {
    'no origin': [['-x', `http://127.0.0.1:${plain}`, URL], '502'],
    'no origin, in chunks': [
      ['-x', `http://127.0.0.1:${plain}`, '-H', 'Transfer-Encoding: chunked', URL],
      '502',
    ],
    'without waiting for a 100': [['-x', `http://127.0.0.1:${plain}`, '-H', 'Expect:', URL], '502'],
    'a name is wanted': [['-x', `http://127.0.0.1:${login}`, '-H', 'Expect:', URL], '407'],
    'a method that is not allowed': [['-x', `http://127.0.0.1:${readers}`, '-H', 'Expect:', URL], '403'],
    'a request that makes no sense': [
      ['-x', `http://127.0.0.1:${plain}`, '-H', 'Expect:', '--request-target', 'gopher://x/', URL],
      '400',
    ],
    'an ssl port': [['-x', `https://127.0.0.1:${ssl}`, '--proxy-insecure', '-H', 'Expect:', URL], '502'],
    'an ssl port that ends the connection': [
      ['-x', `https://127.0.0.1:${ssl}`, '--proxy-insecure', '-H', 'Expect:', '--request-target', '*x', URL],
      '400',
    ],
    'in a bumped CONNECT': [
      [
        ...['-x', `http://127.0.0.1:${bump}`, '--cacert', BUMP_ROOT, '-H', 'Expect:'],
        ...['-H', 'Host: other.example', '--http1.1', `https://${HOST}:${origin.port}/`],
      ],
      '421',
    ],
  }
  for (const [what, [args, status]] of Object.entries(uploads)) {
    const answers = new Set<string>()
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all([1, 2, 3, 4].map(() => curl([...upload, ...args])))
      for (const { code, stdout, stderr } of results) answers.add(`${code} ${stdout} ${stderr}`.trim())
    }
    t.same([...answers], [`0 ${status}`], what)
  }
})
