/** What an origin has while its handshake is parked: a real client, the whole proxy, a tap on the wire, an openssl server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { accept, reject } from '../../core/api/verdict.js'
import { get } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { liveHandshakes } from '../kit/handshakes.js'
import { type OpensslOrigin, opensslOrigin } from '../kit/openssl-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { type Relay, tapRelay } from '../kit/relay.js'

const HOST = 'held.test'
const HOLD = 500

const KINDS = [
  { name: 'TLS 1.2', tls: '1.2', seen: ['ClientHello'] },
  { name: 'TLS 1.3', tls: '1.3', seen: ['ClientHello'] },
  {
    name: 'TLS 1.3 with HelloRetryRequest',
    tls: '1.3',
    groups: 'P-384',
    // The ChangeCipherSpec says nothing: it is sent for middleboxes (RFC 8446 appendix D.4).
    seen: ['ClientHello', 'ChangeCipherSpec', 'ClientHello'],
  },
] as const

interface Stage {
  readonly proxy: ProxyHere
  readonly gate: Gate
  readonly relay: Relay
  readonly origin: OpensslOrigin
}

async function setUp(t: Test, kind: (typeof KINDS)[number], withCertificate: boolean): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: HOST })
  const clientCertificate = await root.issue({ cn: 'the proxy', eku: ['clientAuth'] })
  const { name: _, seen: __, ...options } = kind
  const origin = await opensslOrigin({
    ...leaf,
    ...options,
    ...(withCertificate ? { clientCertificate: { caPem: root.certPem, require: true } } : {}),
  })
  t.teardown(origin.stop)
  const relay = await tapRelay(origin.port)
  t.teardown(relay.stop)
  const gate = new Gate()
  t.teardown(() => gate.stop())
  const proxy = await startProxyHere({
    plugins: [gate.line],
    modules: GATE_MODULE,
    hosts: [HOST],
    ca: root.certPem,
    ...(withCertificate ? { clientCertificate } : {}),
  })
  t.teardown(proxy.stop)
  return { proxy, gate, relay, origin }
}

for (const kind of KINDS) {
  for (const withCertificate of [false, true]) {
    const story = `${kind.name}, ${withCertificate ? 'with' : 'without'} a client certificate`

    test(`${story}: accepted`, async t => {
      const { proxy, gate, relay, origin } = await setUp(t, kind, withCertificate)
      const response = get(proxy.port, `https://${HOST}:${relay.port}/`)
      const event = await gate.parked()
      await checkHold(t, kind.seen, relay, origin)
      event.reenable(accept())
      t.equal((await response).status, 200, 'after reenable the request completes')
      t.equal(origin.received('CertificateVerify'), withCertificate, 'the client certificate is shown then')
      t.ok(origin.received('Finished'))
      t.equal(event.protocol, `TLSv${kind.tls}`)
      await endsClean(t, proxy, gate)
    })

    test(`${story}: rejected`, async t => {
      const { proxy, gate, relay, origin } = await setUp(t, kind, withCertificate)
      const response = get(proxy.port, `https://${HOST}:${relay.port}/`)
      const event = await gate.parked()
      await checkHold(t, kind.seen, relay, origin)
      event.reenable(reject('revoked', 'it is on the list'))
      const { status, body } = await response
      t.equal(status, 502)
      t.match(body.toString(), /plugin gate \(X509_V_ERR_CERT_REVOKED 23\): it is on the list/)
      await origin.waitFor('fatal certificate_revoked')
      for (const name of ['Finished', 'Certificate', 'CertificateVerify', 'ClientKeyExchange']) {
        t.notOk(origin.received(name), `the origin has its alert and no ${name}`)
      }
      t.notOk(origin.received('ApplicationData'))
      await endsClean(t, proxy, gate)
    })
  }
}

/** The tap counts bytes, the origin names messages; neither changes for as long as the hold lasts. */
async function checkHold(t: Test, seen: readonly string[], relay: Relay, origin: OpensslOrigin) {
  const [connection] = relay.connections
  const wire = () => connection?.fromClient.tls()
  const before = connection?.fromClient.bytes().length
  t.same(wire()?.names, seen, 'a ClientHello and nothing else is on the wire')
  await sleep(HOLD)
  t.equal(connection?.fromClient.bytes().length, before, `not a byte more in ${HOLD} ms`)
  t.same([wire()?.names, wire()?.rest], [seen, 0])
  const messages = seen.filter(name => name !== 'ChangeCipherSpec') // which openssl skips without a word
  t.same(origin.receivedNames(), messages, 'and openssl has read the same')
}

async function endsClean(t: Test, proxy: ProxyHere, gate: Gate) {
  await proxy.stop()
  await gate.allClosed()
  t.same(gate.closed, gate.started, 'the close hook ran once')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
}
