/** The management port over TLS: its certificate, what reaches it, and how `ctl` knows it. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import { test } from 'tap'
import { send, tokenOf } from '../kit/admin-client.js'
import { managedHere, runCtl } from '../kit/managed.js'
import { makeAuthority } from '../kit/pki.js'
import { poll } from '../kit/watch.js'

const root = await makeAuthority({ name: 'Operators' })
const leafFor = (name: string) => root.issue({ cn: name, sans: ['localhost', '127.0.0.1'] })
const [first, second] = [await leafFor('first.test'), await leafFor('second.test')]
const inOne = ({ chainPem, keyPem }: typeof first): string => `${chainPem}${keyPem}`
const CERT = 'proxy.config.admin.tls_cert'
const LISTEN = 'proxy.config.admin.listen'

/** The certificate that the port shows. @throws {Error} where the handshake fails */
async function shownAt(port: number, maxVersion: SecureVersion = 'TLSv1.3') {
  const oldest = maxVersion === 'TLSv1.1' ? { minVersion: maxVersion, ciphers: 'ALL:@SECLEVEL=0' } : {}
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion, ...oldest })
  try {
    await once(socket, 'secureConnect')
    return { subject: socket.getPeerCertificate().subject.CN, version: socket.getProtocol() }
  } finally {
    socket.destroy()
  }
}

function secureGet(port: number, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number | undefined; cookie: string | undefined }>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, ca: root.certPem, headers, agent: false }, response => {
      response.resume()
      resolve({ status: response.statusCode, cookie: response.headers['set-cookie']?.[0] })
    })
      .on('error', reject)
      .end()
  })
}

test('the management port speaks TLS, and takes a new certificate', async t => {
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one'], undefined, {
    files: { 'admin.pem': inOne(first) },
    records: { [LISTEN]: '127.0.0.1:0', [CERT]: 'admin.pem' },
  })
  const link = new URL((await ctl('dashboard')).out.trim())
  t.equal(link.protocol, 'https:')
  const port = Number(link.port)
  t.match(proxy.output(), /managed through https:\/\/127\.0\.0\.1:/)
  t.strictSame(await shownAt(port), { subject: 'first.test', version: 'TLSv1.3' })
  t.strictSame(await shownAt(port, 'TLSv1.2'), { subject: 'first.test', version: 'TLSv1.2' })
  await t.rejects(shownAt(port, 'TLSv1.1'), 'and nothing older')
  await t.rejects(send(port, '/v1/status', { headers: tokenOf(proxy.conf.path) }), 'and nothing plain')
  t.match(await secureGet(port, '/v1/status', tokenOf(proxy.conf.path)), { status: 200 })
  t.match(await secureGet(port, '/v1/status', {}), { status: 401 })
  const foreign = { ...tokenOf(proxy.conf.path), origin: `http://127.0.0.1:${port}` }
  t.match(
    await secureGet(port, '/v1/status', foreign),
    { status: 403 },
    'a page of the same name without TLS',
  )
  const login = await secureGet(port, link.pathname + link.search, {})
  t.match(login.cookie, /; HttpOnly; SameSite=Strict; Path=\/; Secure$/)

  const file = join(proxy.conf.path, 'admin.pem')
  writeFileSync(file, 'no certificate')
  await proxy.until(/ERROR: .*tls_cert .*the certificate stays as it is/)
  t.match(await shownAt(port), { subject: 'first.test' })
  writeFileSync(file, inOne(second))
  await poll(async () => (await shownAt(port)).subject === 'second.test', 'the new certificate')
})

test('ctl uses the port where there is no socket, and knows its certificate', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  for (const isSecure of [false, true]) {
    const { proxy, ctl } = await managedHere(t, ['desk.mjs one'], runCtl, {
      files: { 'chain.pem': first.chainPem, 'key.pem': first.keyPem },
      records: {
        'proxy.config.admin.socket': null,
        [LISTEN]: `127.0.0.1:${port}`,
        ...(isSecure && { [CERT]: 'chain.pem', 'proxy.config.admin.tls_key': 'key.pem' }),
      },
    })
    t.match(await ctl('server', 'status'), { code: 0, out: /^Proxy -- on\n/ })
    if (isSecure) {
      // The proxy takes the new one with its key alone.
      writeFileSync(join(proxy.conf.path, 'chain.pem'), second.chainPem)
      t.match(await ctl('status'), {
        code: 1,
        err: /PTC_ADMIN_UNREACHABLE: what listens at 127\.0\.0\.1:\d+ shows another certificate than /,
      })
    }
    await proxy.stop()
  }
})

test('a certificate that cannot be used opens no port', async t => {
  const { proxy, ctl } = await managedHere(t, ['desk.mjs one'], undefined, {
    files: { 'chain.pem': first.chainPem, 'key.pem': second.keyPem },
    records: { [LISTEN]: '127.0.0.1:0', [CERT]: 'chain.pem', 'proxy.config.admin.tls_key': 'key.pem' },
  })
  t.match(
    proxy.output(),
    /WARNING: proxy\.config\.admin\.tls_cert .*chain\.pem, tls_key .*key\.pem: .*this proxy runs without/,
  )
  t.match(await ctl('dashboard'), { code: 1, err: /there is no page/ })
})
