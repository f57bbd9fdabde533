import { type Test, test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { type Authority, makeAuthority } from '../kit/pki.js'
import { type ChildProxy, startProxy } from '../kit/proxy.js'
import { telnet } from '../kit/telnet.js'

const HOSTS = ['www.google.com', 'www.facebook.com', 'www.twitter.com'] as const
const HOLD = 3000

/** The lines of its README, as they stand there. */
const RECORDS = [
  'CONFIG proxy.config.diags.debug.enabled INT 1',
  'CONFIG proxy.config.diags.debug.tags STRING async_verify.*|ssl.*',
  'CONFIG proxy.config.url_remap.remap_required INT 0',
  'CONFIG proxy.config.ssl.client.verify.server INT 2',
]
const PLUGIN = 'async_verify.so'

interface Stage {
  readonly root: Authority
  readonly proxy: ChildProxy
  readonly originPort: number
}

async function setUp(t: Test): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: 'origins', sans: HOSTS })
  const origin = await nginxOrigin(leaf)
  t.teardown(origin.stop)
  const proxy = await startProxy({
    recordLines: RECORDS,
    plugins: [PLUGIN],
    hosts: HOSTS,
    ca: root.certPem,
  })
  t.teardown(proxy.stop)
  return { root, proxy, originPort: origin.httpsPort }
}

test("the proof of concept's three requests, with its configuration as it stands", async t => {
  const { proxy, originPort } = await setUp(t)
  const [google, facebook, twitter] = await Promise.all(
    HOSTS.map(host => get(proxy.port, `https://${host}:${originPort}/`)),
  )

  t.equal(google?.status, 502, 'google is refused')
  const page = google?.body.toString() ?? ''
  const proxyStatus = google?.header('proxy-status') ?? ''
  for (const [where, text] of Object.entries({ page, proxyStatus })) {
    t.match(text, /async_verify/, `the ${where} names the plugin`)
    t.match(text, /X509_V_ERR_CERT_REJECTED/, `the ${where} names the reason`)
    t.match(text, /www\.google\.com is blocked/, `the ${where} repeats what the plugin said`)
  }
  t.match(page, /policy/)
  t.match(proxyStatus, /^portcullis; error=tls_certificate_error; details="PTC_VERIFY_REJECTED/)
  t.ok((google?.ms ?? 0) < HOLD, 'at once')

  t.equal(facebook?.status, 200, 'facebook is served')
  t.equal(facebook?.body.toString(), 'hello from nginx\n')
  t.ok((facebook?.ms ?? 0) < HOLD, 'at once, although another handshake is parked')

  t.equal(twitter?.status, 200, 'twitter is served')
  t.ok((twitter?.ms ?? 0) >= HOLD, `after ${Math.round(twitter?.ms ?? 0)} ms, so not before ${HOLD}`)

  const log = proxy.output()
  for (const line of [
    /DIAG: \(async_verify\) Verification callback called, event=TS_SSL_CERT_VERIFY_HOOK, vc=\d+$/m,
    /DIAG: \(async_verify\) Server certificate\[0\]: \/CN=origins$/m,
    /DIAG: \(async_verify\) GOOGLE! We reject the certificate\.$/m,
    /DIAG: \(async_verify\) FACEBOOK! We accept the certificate\.$/m,
    /DIAG: \(async_verify\) TWITTER! Scheduling deferred ACCEPT\.$/m,
    /DIAG: \(async_verify\) Scheduled callback called for vc=\d+, resuming SSL handshake\.$/m,
    /DIAG: \(async_verify\) TS_EVENT_HTTP_SEND_REQUEST_HDR event received, vc=\d+ GET https:/m,
    /DIAG: \(ssl\) handshake with www\.twitter\.com parked, asking async_verify$/m,
  ]) {
    t.match(log, line, `its debug tags show ${line}`)
  }
})

test("the proof of concept's requests work through the real telnet", async t => {
  const { proxy, originPort } = await setUp(t)
  const ask = async (host: string) => {
    const client = await telnet(proxy.port)
    t.teardown(client.stop)
    for (const line of requestText(`https://${host}:${originPort}/`).split('\r\n').slice(0, 2))
      client.type(line)
    const sentAt = performance.now()
    client.type('')
    const [, status] = await client.until(/^HTTP\/1\.1 (\d{3}) /m)
    return { status, ms: performance.now() - sentAt, shown: client.shown }
  }
  const [google, facebook, twitter] = await Promise.all(HOSTS.map(ask))
  t.equal(google?.status, '502')
  t.match(google?.shown(), /plugin async_verify/)
  t.equal(facebook?.status, '200')
  t.equal(twitter?.status, '200')
  t.ok((facebook?.ms ?? 0) < HOLD && (google?.ms ?? 0) < HOLD)
  t.ok((twitter?.ms ?? 0) >= HOLD)
})

test('a subject that says Google is refused under any name', async t => {
  const { root, proxy } = await setUp(t)
  const leaf = await root.issue({ subject: 'CN=www.facebook.com, O=Google LLC, C=US', sans: HOSTS })
  const origin = await opensslOrigin(leaf)
  t.teardown(origin.stop)
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(`https://www.facebook.com:${origin.port}/`))
  t.equal((await client.response()).status, 502)
  await origin.waitFor('fatal bad_certificate')
  t.notOk(origin.received('Finished'), 'and the origin has an alert, and no Finished')
  t.match(proxy.output(), /Server certificate\[0\]: .*O=Google LLC/)
})
