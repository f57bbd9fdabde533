import { test } from 'tap'
import { InboundContext } from '../../../../core/tls/openssl/inbound-context.js'
import { InboundEngine } from '../../../../core/tls/openssl/inbound-engine.js'
import { OutboundContext } from '../../../../core/tls/openssl/outbound-context.js'
import { OutboundEngine } from '../../../../core/tls/openssl/outbound-engine.js'
import { liveNatives } from '../../../../core/tls/openssl/owned.js'
import { collectGarbage } from '../../../kit/garbage.js'
import { type Issued, makeAuthority } from '../../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: 'proxy.test' })
const weakRoot = await makeAuthority({ name: 'Weak Root', keyType: 'rsa-1984' })
const OF_A_CLIENT = { cn: 'client.test', eku: ['clientAuth'] } as const

type Version = 'TLSv1.2' | 'TLSv1.3'

/** Why a client that shows this certificate is not let in; `established` if it is. */
function outcome(version: Version, shown: Issued, anchor: Issued): string {
  const certificates = [{ chain: [leaf.certPem], key: leaf.keyPem, from: 'test' }]
  const serverContext = new InboundContext({
    ...{ certificates, sessionContext: Buffer.from('test'), sessionTimeout: 300 },
    clientCertificates: { level: 'required', anchors: [anchor.certPem] },
  })
  const certificate = { chain: [shown.certPem], key: shown.keyPem, from: 'test' }
  const clientContext = new OutboundContext({
    ...{ anchors: [root.certPem], minVersion: 'TLSv1.2', maxVersion: version, alpn: [], certificate },
  })
  const server = new InboundEngine(serverContext, () => [])
  const client = new OutboundEngine(clientContext, { host: 'proxy.test', isAddress: false, sni: undefined })
  try {
    for (let i = 0; i < 20; i++) {
      if (client.advance() === 'parked') client.decide(0)
      server.receive(client.take() ?? Buffer.alloc(0))
      const state = server.advance()
      if (state === 'failed') return server.error?.reason ?? ''
      if (state === 'established') return state
      if (state === 'hello' || state === 'certificate') server.goOn()
      client.receive(server.take() ?? Buffer.alloc(0))
      collectGarbage()
    }
    return 'no end'
  } finally {
    for (const made of [client, server, clientContext, serverContext]) made.free()
  }
}

test('a client is let in by a key of the documented size, anywhere in its path', async t => {
  const [good, weak, below, server] = await Promise.all([
    root.issue(OF_A_CLIENT),
    root.issue({ ...OF_A_CLIENT, keyType: 'rsa-1984' }),
    weakRoot.issue(OF_A_CLIENT),
    root.issue({ cn: 'client.test' }),
  ])
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    t.equal(outcome(version, good, root), 'established')
    for (const [what, shown, anchor] of [
      ['its own', weak, root],
      ["its authority's", below, weakRoot],
      ['a strange authority', below, root],
      ['a certificate for servers', server, root],
    ] as const)
      t.match(outcome(version, shown, anchor), /certificate verify failed/, `${version}: ${what}`)
  }
  t.match(liveNatives(), { SSL: 0, SSL_CTX: 0, X509_STORE: 0, X509: 0 })
})
