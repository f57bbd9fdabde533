/** Revocation lists for the certificates that clients show to `ssl` ports. */
import { connect, type TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import { type AccessStage, accessStage } from '../kit/access-ways.js'
import { getOn, type RawClient, tlsClient } from '../kit/client.js'
import { makeAuthority } from '../kit/pki.js'
import { revocationList } from '../kit/pki-openssl.js'
import { type ProxyConf, startProxyHere } from '../kit/proxy.js'
import { root } from '../kit/secure-proxy.js'
import { listen } from '../kit/tcp-server.js'
import { moveDate } from '../kit/wall-clock.js'

const CLIENT = { eku: ['clientAuth'] } as const
const ann = await root.issue({ cn: 'ann', ...CLIENT })
const eve = await root.issue({ cn: 'eve', ...CLIENT })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const sub = await middle.issue({ cn: 'sub', ...CLIENT })
type Shown = Pick<typeof ann, 'chainPem' | 'keyPem'>

const NONE = revocationList(root, [])
const EVE = revocationList(root, [eve])

const conf = (list: string | undefined, more: ProxyConf['records'] = {}): ProxyConf => ({
  files: list === undefined ? {} : { 'clients.crl': list },
  records: {
    'proxy.config.ssl.client.certification_level': 2,
    'proxy.config.ssl.CA.cert.filename': 'root.pem',
    'proxy.config.ssl.CA.crl.filename': list === undefined ? null : 'clients.crl',
    'proxy.config.http.proxy_auth.client_cert': 'cn',
    'proxy.config.http.connect.verify': 'tunnel',
    ...more,
  },
})

async function reload(at: AccessStage, list: string, more: ProxyConf['records'] = {}): Promise<void> {
  at.proxy.conf.write(at.confWith(conf(list, more)))
  await at.proxy.server.reload()
}

async function client(t: Test, at: AccessStage, { chainPem, keyPem }: Shown): Promise<RawClient> {
  const shown = { ca: root.certPem, servername: 'proxy.example', cert: chainPem, key: keyPem }
  const made = await tlsClient(at.ports[1], shown)
  t.teardown(made.stop)
  return made
}

/** The status of a request, or why the client got no answer. */
async function outcome(t: Test, at: AccessStage, shown: Shown): Promise<number | 'refused'> {
  try {
    return (await getOn(await client(t, at, shown), `http://plain.test:${at.origin.port}/`)).status
  } catch {
    return 'refused'
  }
}

test('a client whose certificate is on the list is refused, and one whose authority has no list', async t => {
  const at = await accessStage(t, conf(EVE))
  t.equal(await outcome(t, at, ann), 200)
  t.equal(await outcome(t, at, eve), 'refused')
  t.equal(await outcome(t, at, sub), 'refused', 'nothing is known of what its authority has revoked')
  await reload(at, EVE + revocationList(middle, []))
  t.equal(await outcome(t, at, sub), 200)
  await reload(at, revocationList(root, [{ cert: middle.cert }]) + revocationList(middle, []))
  t.equal(await outcome(t, at, sub), 'refused', 'its authority is revoked')
})

/** With and without logins by certificate. */
const KINDS = { logins: {}, 'no logins': { 'proxy.config.http.proxy_auth.client_cert': null } } as const

for (const [kind, records] of Object.entries(KINDS))
  test(`a reload with a new list ends open connections and tunnels: ${kind}`, async t => {
    const at = await accessStage(t, conf(NONE, records))
    const server = await listen(socket => void socket.pipe(socket))
    t.teardown(server.stop)
    const url = `http://plain.test:${at.origin.port}/`
    const [open, tunnel] = [await client(t, at, eve), await client(t, at, eve)]
    t.equal((await getOn(open, url)).status, 200)
    const target = `plain.test:${server.port}`
    tunnel.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    t.equal((await tunnel.response('CONNECT')).status, 200)
    tunnel.send('one')
    await tunnel.until(() => tunnel.text().endsWith('one') || undefined, 'one')
    await reload(at, NONE, records)
    t.equal((await getOn(open, url)).status, 200, 'the same list')
    tunnel.send('two')
    await tunnel.until(() => tunnel.text().endsWith('two') || undefined, 'two')
    await reload(at, EVE, records)
    const { status, body } = await getOn(open, url)
    t.match([status, body.toString()], [403, /PTC_LOGIN_ENDED/])
    await tunnel.ended()
    t.equal(await outcome(t, at, eve), 'refused')
    t.equal(await outcome(t, at, ann), 200)
  })

test('a session that was made before the list is not resumed', async t => {
  const at = await accessStage(t, conf(NONE))
  const speak = (session?: Buffer): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const shown = { cert: eve.chainPem, key: eve.keyPem, ...(session && { session }) }
      const options = { port: at.ports[1], ca: root.certPem, servername: 'proxy.example', ...shown }
      const socket = connect({ ...options, maxVersion: 'TLSv1.2' }, () => resolve(socket))
      socket.once('error', reject)
      t.teardown(() => socket.destroy())
    })
  const session = (await speak()).getSession()
  t.equal((await speak(session)).isSessionReused(), true)
  await reload(at, EVE)
  await t.rejects(speak(session), 'it is verified anew')
})

test('a login ends with the first list, and no start takes a list that is out of date', async t => {
  const soon = revocationList(root, [], { nextUpdate: new Date(Date.now() + 60_000) })
  const at = await accessStage(t, conf(soon))
  const open = await client(t, at, ann)
  const url = `http://plain.test:${at.origin.port}/`
  t.equal((await getOn(open, url)).status, 200)
  moveDate(t, 61_000)
  const { status, body } = await getOn(open, url)
  t.match([status, body.toString()], [403, /or the revocation lists have/])
  await t.rejects(startProxyHere(at.confWith(conf(soon))), {
    code: 'PTC_CRL_UNUSABLE',
    message: /CA\.crl\.filename.*: revocation list 1 of .*clients\.crl/,
  })
})
