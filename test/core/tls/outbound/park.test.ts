import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { accept, reject } from '../../../../core/api/verdict.js'
import { fetchText, Handshaker, liveHandshakes } from '../../../kit/handshakes.js'
import { opensslOrigin } from '../../../kit/openssl-origin.js'
import { makeAuthority } from '../../../kit/pki.js'

const HOLD = 400

const KINDS = [
  { name: 'TLS 1.2', tls: '1.2', hellos: 1 },
  { name: 'TLS 1.3', tls: '1.3', hellos: 1 },
  { name: 'TLS 1.3 with HelloRetryRequest', tls: '1.3', groups: 'P-384', hellos: 2 },
] as const

for (const { name, hellos, ...kind } of KINDS) {
  for (const withCertificate of [false, true]) {
    test(`${name}, ${withCertificate ? 'with' : 'without'} a client certificate`, async t => {
      const root = await makeAuthority({ name: 'Root' })
      const client = await root.issue({ cn: 'client', eku: ['clientAuth'] })
      const leaf = await root.issue({ cn: 'foo.test' })
      const context = withCertificate
        ? { certificate: { chain: [client.certPem], key: client.keyPem, from: 'client' } }
        : {}
      const asks = withCertificate ? { clientCertificate: { caPem: root.certPem, require: true } } : {}
      const before = liveHandshakes()

      for (const verdict of [accept(), reject('revoked')]) {
        const origin = await opensslOrigin({ ...leaf, ...kind, ...asks })
        t.teardown(() => origin.stop())
        let seenWhileParked: string[] = []
        const handshaker = new Handshaker(
          root.certPem,
          [
            async ({ reenable }) => {
              await sleep(HOLD)
              seenWhileParked = origin.receivedNames()
              reenable(verdict)
            },
          ],
          { context },
        )
        const result = await handshaker.start(origin.port, 'foo.test').catch(error => error)
        t.same(
          seenWhileParked.filter(message => message !== 'ChangeCipherSpec'),
          Array(hellos).fill('ClientHello'),
          'the origin has a ClientHello and nothing else for as long as the hold lasts',
        )
        if (verdict.kind === 'accept') {
          t.match(
            await fetchText(result, 'GET / HTTP/1.0\r\n\r\n'),
            /200 ok/i,
            'after reenable the request completes',
          )
          t.ok(origin.received('Finished'))
          result.link.destroy()
          t.equal(
            origin.received('CertificateVerify'),
            withCertificate,
            'and the client certificate is shown then',
          )
        } else {
          t.match(result, { code: 'PTC_VERIFY_REJECTED', rejection: { by: 'plugin', plugin: 'plugin0' } })
          await origin.waitFor('fatal certificate_revoked')
          t.notOk(origin.received('Finished'), 'after a rejection the origin has its alert and no Finished')
          t.notOk(origin.received('CertificateVerify'), 'and no client certificate')
          t.notOk(origin.received('ApplicationData'))
        }
        handshaker.stop()
        t.same([...handshaker.closed.values()], [1], 'the close hook ran once')
      }
      t.equal(liveHandshakes(), before, 'nothing native is left')
    })
  }
}

const ALERTS = {
  expired: 'certificate_expired',
  revoked: 'certificate_revoked',
  unknown: 'certificate_unknown',
  'untrusted-issuer': 'unknown_ca',
  unsupported: 'unsupported_certificate',
  policy: 'bad_certificate',
  'name-mismatch': 'bad_certificate',
  'not-yet-valid': 'bad_certificate',
  internal: 'internal_error',
  X509_V_ERR_APPLICATION_VERIFICATION: 'handshake_failure',
  X509_V_ERR_CERT_SIGNATURE_FAILURE: 'decrypt_error',
} as const

test('every reason has its alert, as openssl s_server sees it', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: 'foo.test' })
  for (const tls of ['1.2', '1.3'] as const) {
    for (const [reason, alert] of Object.entries(ALERTS)) {
      const origin = await opensslOrigin({ ...leaf, tls })
      const handshaker = new Handshaker(root.certPem, [
        ({ reenable }) => void reenable(reject(reason as keyof typeof ALERTS)),
      ])
      await t.rejects(handshaker.start(origin.port, 'foo.test'), { code: 'PTC_VERIFY_REJECTED' })
      await origin.waitFor(`fatal ${alert}`)
      t.pass(`TLS ${tls}: ${reason} -> ${alert}`)
      handshaker.stop()
      await origin.stop()
    }
  }
})
