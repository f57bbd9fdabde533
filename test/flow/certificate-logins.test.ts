/**
 * Certificates of clients as logins, in every way that a client can come by an `ssl` port. Longer than 250 lines because the
 * lives of a login (connection, session, tunnel) share one stage.
 */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import * as bcrypt from '@node-rs/bcrypt'
import { type Test, test } from 'tap'
import { type AccessStage, accessStage, WAYS } from '../kit/access-ways.js'
import { getOn, tlsClient } from '../kit/client.js'
import { curl } from '../kit/curl.js'
import { Http2Client, tlsSocket } from '../kit/http2-client.js'
import { makeAuthority } from '../kit/pki.js'
import { clientCertificate } from '../kit/pki-openssl.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { root } from '../kit/secure-proxy.js'
import { moveDate } from '../kit/wall-clock.js'

const stranger = await makeAuthority({ name: 'Stranger' })
const ann = clientCertificate(root, ['CN=ann', 'OU=staff'], ['email:ann@a.test'])
const bob = clientCertificate(root, ['CN=bob', 'OU=guests'], ['email:bob@a.test'])
const eve = clientCertificate(stranger, ['CN=ann', 'OU=staff'], ['email:ann@a.test'])
const nameless = clientCertificate(root, ['O=Test'])
const ALLOW = 'ip_allow:\n- {apply: in, ip_addrs: 127.0.0.1, action'
const HASH = bcrypt.hashSync('secret', 4)

const conf = (more: ProxyConf = {}): ProxyConf => ({
  ...more,
  files: {
    'ip_allow.yaml': `${ALLOW}: allow, groups: staff}\n`,
    'stranger.pem': stranger.certPem,
    ...more.files,
  },
  records: {
    'proxy.config.ssl.client.certification_level': 1,
    'proxy.config.ssl.CA.cert.filename': 'root.pem',
    'proxy.config.http.proxy_auth.client_cert': 'cn',
    'proxy.config.http.proxy_auth.client_cert_groups': 'ou',
    ...more.records,
  },
})
const reload = (at: AccessStage, more: ProxyConf) => {
  at.proxy.conf.write(at.confWith(conf(more)))
  return at.proxy.server.reload()
}

for (const way of WAYS)
  test(`a certificate lets its user and groups in: ${way}`, async t => {
    const at = await accessStage(t, conf())
    if (way === 'socks') return void t.equal(await at.status(way, {}), 97, 'which SOCKS has not')
    t.equal(await at.status(way, { certificate: ann }), 200)
    t.equal(await at.status(way, { certificate: bob }), 403, 'of another group')
    t.equal(await at.status(way, { certificate: nameless }), 403)
    t.equal(await at.status(way, {}), 403, 'without a certificate')
    const refused = await at.status(way, { certificate: eve }).catch(() => 0)
    t.equal(refused, 0, 'a certificate of another authority: no handshake')
    await at.proxy.server.stop(0)
    const asked = at.log().filter(({ method }) => method !== null)
    t.ok(asked.length >= 4)
    t.match(asked[0], { user: 'ann', groups: ['staff'], status: 200 })
    const denied = at.log().filter(({ error }) => error !== null)
    t.match(denied[0], { user: 'bob', groups: ['guests'], error: { code: 'PTC_CLIENT_DENIED' } })
    t.match(denied[1], { user: null, error: { code: 'PTC_CLIENT_CERTIFICATE', message: /no common name/ } })
    t.match(denied[2], {
      user: null,
      error: { code: 'PTC_CLIENT_CERTIFICATE', message: /wants a client cert/ },
    })
  })

test('a CONNECT of HTTP/2 has the login of the connection', async t => {
  const at = await accessStage(t, conf())
  for (const [certificate, status] of [
    [ann, 200],
    [bob, 403],
  ] as const) {
    const socket = await tlsSocket(at.ports[1], {
      ...{ ca: root.certPem, servername: 'proxy.example', alpn: ['h2'] },
      ...{ cert: certificate.chainPem, key: certificate.keyPem },
    })
    const client = new Http2Client(socket)
    t.teardown(client.stop)
    const head = { ':method': 'CONNECT', ':authority': `probe.test:${at.secure.port}` }
    const [headers] = await once(client.session.request(head, { endStream: false }), 'response')
    t.equal(headers[':status'], status)
  }
})

test('certificates are no logins by default', async t => {
  const at = await accessStage(t, {
    records: {
      'proxy.config.ssl.client.certification_level': 1,
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
    },
  })
  t.equal(await at.status('plain', { certificate: ann }), 200)
  await at.proxy.server.stop(0)
  t.match(at.log()[0], { user: null, groups: [] })
})

test('records that contradict one another are mistakes', async t => {
  const at = await accessStage(t, conf())
  const wrong = (records: NonNullable<ProxyConf['records']>) => reload(at, { records })
  await t.rejects(wrong({ 'proxy.config.ssl.client.certification_level': 0 }), {
    code: 'PTC_RECORDS_INVALID',
    message: /certificates are logins, and clients are asked for none; set .*certification_level to 1 or 2/,
  })
  const plain = conf({ records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1' } })
  await t.rejects(startProxyHere(at.confWith(plain)), {
    code: 'PTC_RECORDS_INVALID',
    message: /client_cert is set, and .*server_ports has no ssl port to show them to/,
  })
  await t.rejects(wrong({ 'proxy.config.http.proxy_auth.client_cert': null }), {
    code: 'PTC_RECORDS_INVALID',
    message: /groups of certificates that are no logins/,
  })
})

test('a password and a certificate', async t => {
  const at = await accessStage(
    t,
    conf({
      files: { 'ip_allow.yaml': `${ALLOW}: allow}\n`, users: `cid:${HASH}\n` },
      records: { 'proxy.config.http.proxy_auth.htpasswd': 'users' },
    }),
  )
  t.equal(await at.status('plain', { certificate: ann }), 200, 'either is enough')
  t.equal(await at.status('plain', { basic: 'cid:secret' }), 200)
  t.equal(await at.status('plain', { certificate: ann, basic: 'cid:secret' }), 200, 'the password counts')
  t.equal(await at.status('plain', { certificate: ann, basic: 'cid:wrong' }), 407, 'a wrong one, too')
  t.equal(await at.status('plain', { certificate: nameless }), 407, 'a challenge for the other way')
  t.equal(await at.status('plain', {}), 407)
  await at.proxy.server.stop(0)
  t.strictSame(
    at.log().map(({ user }) => user),
    ['ann', 'cid', 'cid', null, null, null],
  )
})

test('other names of a certificate, by curl', async t => {
  for (const [name, user] of [
    ['email', 'ann@a.test'],
    ['cn', 'ann'],
  ] as const) {
    const at = await accessStage(
      t,
      conf({
        files: { 'ip_allow.yaml': `${ALLOW}: allow, users: "${user}"}\n` },
        records: { 'proxy.config.http.proxy_auth.client_cert': name },
      }),
    )
    t.equal(await at.status('probe', { certificate: ann }), 200, name)
    t.equal(await at.status('probe', { certificate: bob }), 403)
  }
})

/** A connection of a client to the `ssl` port, and the session that it has been given. */
async function connected(t: Test, at: AccessStage, version: 'TLSv1.2' | 'TLSv1.3', session?: Buffer) {
  const socket: TLSSocket = connect({
    ...{ host: '127.0.0.1', port: at.ports[1], ca: root.certPem, servername: 'proxy.example' },
    ...{ minVersion: version, maxVersion: version, cert: ann.chainPem, key: ann.keyPem },
    ...(session && { session }),
  })
  t.teardown(() => socket.destroy())
  const given = once(socket, 'session')
  given.catch(() => {}) // a client that is refused gets none
  await once(socket, 'secureConnect')
  const url = `http://plain.test:${at.origin.port}/`
  const answer = once(socket, 'data')
  socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const [bytes] = (await answer) as [Buffer]
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString())?.[1])
  return {
    status,
    isResumed: socket.isSessionReused(),
    session: () => given.then(([made]) => made as Buffer),
  }
}

/** Keeps the sessions of clients across reloads, and forgets none. */
const KEEP = `const kept = globalThis.keptSessions ??= new Map()
export default ({ hookAdd }) => {
  hookAdd('TS_SSL_SESSION_HOOK', event => {
    const id = event.id.toString('hex')
    if (event.op === 'new') kept.set(id, event.session)
    if (event.op !== 'get') return
    if (kept.has(id)) event.provide(kept.get(id))
    event.reenable()
  })
}
`

for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
  test(`a resumed session has the login of its certificate: ${version}`, async t => {
    const kept = { plugins: ['keep.mjs'], modules: { 'keep.mjs': KEEP } }
    const at = await accessStage(t, conf(kept))
    const first = await connected(t, at, version)
    t.match(first, { status: 200, isResumed: false })
    const session = await first.session()
    const again = await connected(t, at, version, session)
    t.match(again, { status: 200, isResumed: true }, 'though no certificate is shown')
    await reload(at, { ...kept, records: { 'proxy.config.http.proxy_auth.client_cert': 'email' } })
    const renamed = await connected(t, at, version, session)
    t.match(renamed, { status: 200, isResumed: true }, 'a reload of other records ends no session')
    await reload(at, { ...kept, records: { 'proxy.config.ssl.CA.cert.filename': 'stranger.pem' } })
    const after = await connected(t, at, version, session).catch(() => undefined)
    t.notMatch(after, { status: 200 }, 'not under other authorities')
    await at.proxy.server.stop(0)
    t.strictSame(
      at.log().map(({ user }) => user),
      ['ann', 'ann', 'ann@a.test'],
      'and names are read anew',
    )
  })

test('a reload of the authorities takes logins away from connections that are open', async t => {
  const at = await accessStage(t, conf())
  const open = async () => {
    const options = { ca: root.certPem, servername: 'proxy.example', cert: ann.chainPem, key: ann.keyPem }
    const client = await tlsClient(at.ports[1], options)
    t.teardown(client.stop)
    return client
  }
  const url = `http://plain.test:${at.origin.port}/`
  const [client, tunnel] = [await open(), await open()]
  const http2 = new Http2Client(
    await tlsSocket(at.ports[1], {
      ...{ ca: root.certPem, servername: 'proxy.example', alpn: ['h2'] },
      ...{ cert: ann.chainPem, key: ann.keyPem },
    }),
  )
  t.teardown(http2.stop)
  const ask2 = () =>
    http2.ask({ ':scheme': 'http', ':authority': `plain.test:${at.origin.port}`, ':path': '/' })
  t.equal((await ask2()).status, 200)
  t.equal((await getOn(client, url)).status, 200)
  const target = `bump.test:${at.secure.port}`
  tunnel.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  t.equal((await tunnel.response('CONNECT')).status, 200)
  await reload(at, {})
  t.equal((await getOn(client, url)).status, 200, 'the same authorities')
  await reload(at, { records: { 'proxy.config.ssl.CA.cert.filename': 'stranger.pem' } })
  const ended = await getOn(client, url)
  t.match([ended.status, ended.body.toString()], [403, /PTC_LOGIN_ENDED/])
  t.equal(ended.header('connection'), 'close')
  t.equal((await ask2()).status, 403, 'in HTTP/2, too')
  await http2.closed // by GOAWAY
  const inside = await tunnel.secure({ servername: 'bump.test', rejectUnauthorized: false })
  inside.send(`GET / HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  t.equal((await inside.response()).status, 403, 'inside a tunnel, too')
  t.equal(await at.status('plain', { certificate: eve }), 200, 'the new authority counts')
})

for (const what of ['a certificate', 'an authority below the root'] as const)
  test(`${what} that expires ends the logins that rest on it`, async t => {
    const at = await accessStage(t, conf({ files: { 'ip_allow.yaml': `${ALLOW}: allow}\n` } }))
    const notAfter = new Date(Date.now() + 60_000)
    const dan = { cn: 'dan', eku: ['clientAuth'] } as const
    const short =
      what === 'a certificate'
        ? await root.issue({ ...dan, notAfter })
        : await (await makeAuthority({ name: 'Brief', parent: root, notAfter })).issue(dan)
    const client = await tlsClient(at.ports[1], {
      ...{ ca: root.certPem, servername: 'proxy.example', cert: short.chainPem, key: short.keyPem },
    })
    t.teardown(client.stop)
    const url = `http://plain.test:${at.origin.port}/`
    t.equal((await getOn(client, url)).status, 200)
    moveDate(t, 61_000)
    const answer = await getOn(client, url)
    t.match([answer.status, answer.body.toString()], [403, /its certificate has expired/])
  })

test('a refusal for machines', async t => {
  const at = await accessStage(t, conf())
  const url = `http://plain.test:${at.origin.port}/`
  const args = [
    '-sS',
    '-i',
    '-x',
    `http://127.0.0.1:${at.ports[0]}`,
    '-H',
    'Accept: application/problem+json',
  ]
  const { stdout } = await curl([...args, url])
  t.match(stdout, /^HTTP\/1\.1 403 /)
  t.match(stdout, /Proxy-Status: portcullis; error=http_request_denied; details="PTC_CLIENT_CERTIFICATE:/)
  t.match(
    stdout,
    /"type":"urn:portcullis:error:PTC_CLIENT_CERTIFICATE","title":"Client certificate","status":403/,
  )
  t.notMatch(stdout, /proxy-authenticate/i)
})
