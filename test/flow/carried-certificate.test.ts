/**
 * A stranger's origin whose certificate carries the PEM text of a genuine one, and plugins that look at `x509` and `pem`
 * and accept the genuine one whatever the built-in check says.
 */
import { test } from 'tap'
import { toPem } from '../../core/base/pem.js'
import { carrying, embedded, PLACES } from '../kit/carrying.js'
import { get } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority, makeSelfSigned } from '../kit/pki.js'
import { startProxyHere } from '../kit/proxy.js'

const HOST = 'bank.test'
const root = await makeAuthority({ name: 'Root' })
const genuine = await root.issue({ cn: HOST })
const client = await root.issue({ cn: 'the proxy', eku: ['clientAuth'] })
const stranger = await makeSelfSigned({ cn: 'stranger.test' })

/** Accepts by one of Node's fields, which a careful author may do. */
const PLUGIN = `
export default ({ argv, hookAdd, reject }) => {
  const [, field, wanted] = argv
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ chain: [{ x509, pem }], reenable }) => {
    const shown = field === 'pem' ? pem.replace(/\\s/g, '') : x509[field]
    reenable(shown === wanted ? undefined : reject('policy', 'shows ' + shown))
  })
}
`
const WANTED = {
  fingerprint256: genuine.cert.fingerprint256,
  subject: genuine.cert.subject,
  serialNumber: genuine.cert.serialNumber,
  pem: genuine.certPem.replace(/\s/g, ''),
} as const

for (const isolate of ['', ' @isolate=worker']) {
  test(`a stranger's certificate is never shown as the one it carries${isolate}`, async t => {
    for (const [field, wanted] of Object.entries(WANTED)) {
      const proxy = await startProxyHere({
        plugins: [`looks.mjs${isolate} ${field} "${wanted}"`],
        modules: { 'looks.mjs': PLUGIN },
        hosts: [HOST],
        ca: root.certPem,
        clientCertificate: client,
        records: { 'proxy.config.ssl.client.verify.server.override': 1 },
      })
      for (const place of PLACES) {
        const forged = carrying(stranger.cert.raw, embedded(genuine.certPem), place)
        const tls = {
          chainPem: toPem(forged),
          keyPem: stranger.keyPem,
          requestCert: true,
          rejectUnauthorized: false,
        }
        const origin = await nodeOrigin({ tls })
        const url = `https://${HOST}:${origin.port}/`
        const { status } = await get(proxy.port, url, ['Authorization: Bearer secret', 'Connection: close'])
        t.equal(status, 502, `${field}, carried in its ${place}`)
        t.same([origin.handshakes, origin.requests], [[], []], 'and the origin has heard nothing')
        await origin.stop()
      }
      const origin = await nodeOrigin({ tls: genuine })
      t.equal(
        (await get(proxy.port, `https://${HOST}:${origin.port}/`)).status,
        200,
        'the genuine one passes',
      )
      await proxy.stop()
      await origin.stop()
    }
  })
}
