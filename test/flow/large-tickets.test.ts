/** What an OpenSSL server sends behind a TLS 1.3 handshake before it sends data: tickets, many of them or large ones. */
import { test } from 'tap'
import { get } from '../kit/client.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { startProxyHere } from '../kit/proxy.js'

const HOST = 'tickets.test'
const root = await makeAuthority({ name: 'Root' })
const server = await root.issue({ cn: HOST })
/** With a certificate of 16 KB, which each ticket of OpenSSL carries. */
const client = await root.issue({
  cn: 'client.test',
  eku: ['clientAuth'],
  sans: Array.from({ length: 400 }, (_, i) => `name-number-${i}.of-a-certificate-with-many.test`),
})

for (const [name, count, hasLarge] of [
  ['255 small tickets', 255, false],
  ['two tickets with a client certificate of 16 KB each', 2, true],
  ['64 tickets with a client certificate of 16 KB each', 64, true],
] as const) {
  test(`${name} do not end the connection to an origin`, async t => {
    const origin = await opensslOrigin({
      ...server,
      tls: '1.3',
      args: ['-num_tickets', String(count)],
      ...(hasLarge ? { clientCertificate: { caPem: root.certPem, require: true } } : {}),
    })
    t.teardown(origin.stop)
    const proxy = await startProxyHere({
      hosts: [HOST],
      ca: root.certPem,
      clientCertificate: client,
      records: { 'proxy.config.ssl.client.verify.server': 1 },
    })
    t.teardown(proxy.stop)
    for (let i = 0; i < 2; i++) {
      const { status, body } = await get(proxy.port, `https://${HOST}:${origin.port}/`)
      t.equal(status, 200)
      t.match(body.toString(), /TLSv1\.3/)
    }
    const tickets = [...origin.child.stdout().matchAll(/\[length ([0-9a-f]+)\], NewSessionTicket/g)]
    t.equal(tickets.length, 2 * count)
    t.ok(tickets.every(([, length = '']) => !hasLarge || Number.parseInt(length, 16) > 16_384))
  })
}
