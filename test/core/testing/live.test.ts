import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { pathToFileURL } from 'node:url'
import { type Test, test } from 'tap'
import { type Kit, openKit } from '../../../core/testing/kit.js'
import { liveHandshakes } from '../../kit/handshakes.js'
import { nodeOrigin } from '../../kit/node-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const HOST = 'live.example'
const root = await makeAuthority({ name: 'Live' })
const leaf = await root.issue({ cn: HOST })

async function open(t: Test, continuation: string, records = {}): Promise<Kit> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  dir.file('root.pem', root.certPem)
  const hook = `hookAdd('TS_SSL_CERT_VERIFY_HOOK', ${continuation})`
  dir.file('asked.mjs', `export default ({ hookAdd, note, reject }) => ${hook}`)
  const from = pathToFileURL(`${dir.path}/a.test.js`)
  const trusted = { 'proxy.config.ssl.client.CA.cert.filename': 'root.pem', ...records }
  const kit = await openKit(from, 'asked.mjs', { records: trusted })
  t.teardown(() => kit.close())
  return kit
}

test('a plugin is asked about an origin that is there', async t => {
  const before = liveHandshakes()
  const origin = await nodeOrigin({ tls: leaf })
  t.teardown(origin.stop)
  const address = `127.0.0.1:${origin.port}`

  t.test('a plugin accepts an origin that is there', async t => {
    const kit = await open(
      t,
      'async ({ host, sni, port, chain, builtIn, reenable }) => { note([host, sni, port, chain.length, builtIn.name]); reenable() }',
    )
    const handshake = await kit.connect(address, { host: HOST })
    t.strictSame(handshake.outcome, { kind: 'accepted', by: 'plugins' })
    t.strictSame(kit.log, [`NOTE [asked] ${HOST},${HOST},${origin.port},1,X509_V_OK`])
    t.match(handshake.calls, [{ plugin: 'asked', verdict: { kind: 'accept' } }])
    t.match(handshake.vconn.remoteAddress, address)
    kit.close()
  })

  t.test('a plugin rejects an origin that is there; the built-in check is the real one', async t => {
    const kit = await open(
      t,
      '({ builtIn, reenable }) => { reenable(reject(builtIn.name, builtIn.message)) }',
    )
    const { outcome } = await kit.connect(address, { host: 'other.example' })
    t.match(outcome, { kind: 'rejected', reason: 'X509_V_ERR_HOSTNAME_MISMATCH', alert: 'bad_certificate' })
    kit.close()
  })

  t.test('a plugin answers too late about an origin that is there', async t => {
    const kit = await open(t, '() => {}', { 'proxy.config.ssl.client.verify.deadline': 50 })
    const { outcome } = await kit.connect(address, { host: HOST })
    t.match(outcome, { kind: 'rejected', by: 'deadline', plugin: 'asked' })
    kit.close()
  })

  t.equal(liveHandshakes(), before, 'and nothing is left')
})

test('a live handshake needs an origin that speaks TLS', async t => {
  const kit = await open(t, '({ reenable }) => { reenable() }')
  const server = createServer(socket => socket.resume().end('220 no TLS here\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { outcome, calls } = await kit.connect(`127.0.0.1:${port}`)
  t.match(outcome, { kind: 'broken', detail: /TLS handshake with the origin failed/ })
  t.equal(calls.length, 0)
  server.close()
  await once(server, 'close')
  await t.rejects(kit.connect(`127.0.0.1:${port}`), { code: 'PTC_CONNECT_REFUSED' })
})
