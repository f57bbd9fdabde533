/** Clients that try to come in as another one. */
import { test } from 'tap'
import { accessStage } from '../kit/access-ways.js'
import { Http2Client, tlsSocket } from '../kit/http2-client.js'
import { clientCertificate } from '../kit/pki-openssl.js'
import { root } from '../kit/secure-proxy.js'
import { jwks, makeIssuer } from '../kit/tokens.js'

const ALLOW = 'ip_allow:\n- {apply: in, ip_addrs: 127.0.0.1, action'

test('certificates that name ann, and are none of hers', async t => {
  const at = await accessStage(t, {
    files: { 'ip_allow.yaml': `${ALLOW}: allow, users: ann}\n` },
    records: {
      'proxy.config.ssl.client.certification_level': 1,
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
      'proxy.config.http.proxy_auth.client_cert': 'cn',
    },
  })
  const status = (certificate: { readonly chainPem: string; readonly keyPem: string }) =>
    at.status('plain', { certificate })
  const bob = clientCertificate(root, ['CN=bob'])
  const issued = clientCertificate({ ...root, certPem: bob.chainPem, keyPem: bob.keyPem }, ['CN=ann'])
  t.equal(await status({ ...issued, chainPem: issued.chainPem + bob.chainPem }), 0, 'issued by a client')
  for (const eku of ['serverAuth', 'codeSigning', 'emailProtection'] as const)
    t.equal(await status(await root.issue({ cn: 'ann', eku: [eku] })), 0, `for ${eku}`)
  for (const subject of ['0.CN=bob\n1.CN=ann', 'O=x/CN=ann', 'CN=bob/CN=ann', 'CN=ANN', 'OU=CN=ann'])
    t.equal(await status(clientCertificate(root, subject.split('\n'))), 403, subject)
  t.equal(await status(clientCertificate(root, ['CN=ann'])), 200)
})

test('streams of one connection, at once and with logins of their own', async t => {
  const issuer = makeIssuer('ES256')
  const at = await accessStage(t, {
    files: {
      'keys.json': jwks(issuer.jwk),
      'ip_allow.yaml': `${ALLOW}: allow, users: [ann, bob]}\n`,
    },
    records: {
      'proxy.config.http.proxy_auth.jwt.keys': 'keys.json',
      'proxy.config.http.proxy_auth.jwt.audience': 'proxy.test',
    },
  })
  const client = new Http2Client(
    await tlsSocket(at.ports[1], { ca: root.certPem, servername: 'proxy.example', alpn: ['h2'] }),
  )
  t.teardown(client.stop)
  const ask = async (user: string): Promise<number> => {
    const head = { ':method': 'GET', ':scheme': 'http', ':authority': `plain.test:${at.origin.port}` }
    const login =
      user === 'none' ? {} : { 'proxy-authorization': `Bearer ${await issuer.sign({ sub: user })}` }
    return (await client.ask({ ...head, ':path': `/${user}`, ...login })).status
  }
  const users = ['ann', 'eve', 'bob', 'none', 'ann', 'none', 'eve', 'bob']
  t.strictSame(await Promise.all(users.map(ask)), [200, 403, 200, 407, 200, 407, 403, 200])
  await at.proxy.server.stop(0)
  t.equal(at.log().length, users.length)
  for (const line of at.log()) t.equal(`/${line['user'] ?? 'none'}`, new URL(String(line['url'])).pathname)
})
