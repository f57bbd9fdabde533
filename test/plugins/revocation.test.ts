/** The plugin in the whole program, with origins of this machine. */
import { test } from 'tap'
import { get } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { HOST, leafOf, listOf, root, sends, startSource, withList } from './revocation-kit.js'

const middle = await makeAuthority({ name: 'Revocation Middle', parent: root })

for (const isolate of ['', '@isolate=worker '])
  test(`a revoked origin gets its alert, the client 502 ${isolate}`, async t => {
    const source = await startSource(t)
    const extensions = `${withList(`${source.url}/list`)}\nauthorityInfoAccess=caIssuers;URI:${source.url}/issuer`
    const [good, bad] = [leafOf(extensions, middle), leafOf(extensions, middle)]
    source.answers['/list'] = sends(listOf(middle, [bad]))
    source.answers['/issuer'] = sends(middle.cert.raw, 'application/pkix-cert')
    const plugins = [`aia.js ${isolate}allow_private=true`, `revocation.js ${isolate}allow_private=true`]
    const records = { 'proxy.config.http.origin_max_idle': 0 } as const
    const proxy: ProxyHere = await startProxyHere({ ca: root.certPem, hosts: [HOST], plugins, records })
    t.teardown(proxy.stop)
    // The issuer is left out: the list is checked with the one that aia has found.
    const start = async ({ certPem, keyPem }: typeof good) => {
      const origin = await nodeOrigin({ tls: { chainPem: certPem, keyPem } })
      t.teardown(origin.stop)
      return origin
    }
    const [one, two] = [await start(good), await start(bad)]
    t.equal((await get(proxy.port, `https://${HOST}:${one.port}/`)).status, 200)
    await proxy.server.reload()
    t.equal((await get(proxy.port, `https://${HOST}:${one.port}/`)).status, 200)
    const refused = await get(proxy.port, `https://${HOST}:${two.port}/`)
    t.equal(refused.status, 502)
    t.match(refused.body.toString(), 'revoked on 2025-01-01T00:00:00.000Z')
    await two.until(() => two.failures[0], 'the alert')
    t.match(two.failures.join(), /^ERR_SSL_SSL\S+_ALERT_CERTIFICATE_REVOKED$/)
    t.match(
      await proxy.server.pluginMetrics.text(),
      'portcullis_plugin_revocation_answers_total{answer="revoked"} 1',
    )
  })
