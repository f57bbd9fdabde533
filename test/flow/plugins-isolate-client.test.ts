/** The hooks of a client's handshake, for a plugin in worker threads: the same API, with OpenSSL's own client. */
import { test } from 'tap'
import { isolatedClients as setUp } from '../kit/isolated-client.js'
import { HELLO, root } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

for (const tls of ['1.2', '1.3'] as const) {
  test(`TLS ${tls}: the hooks of a client in a worker`, async t => {
    const { client, proxy, count } = await setUp(t)
    await t.test('a plugin in a worker is asked about a client, and told of its end', async t => {
      const facts = await client({
        tls,
        servername: 'facts.hello.example',
        args: ['-alpn', 'private/1,http/1.1'],
      })
      t.equal(facts.body, HELLO)
      const [, text = ''] = await proxy.until(/facts (\{.*\})/)
      t.same(JSON.parse(text), {
        direction: 'inbound',
        inTime: true,
        sni: 'facts.hello.example',
        alpn: ['private/1', 'http/1.1'],
        versions: [`TLSv${tls}`],
        ciphers: true,
        name: 'facts.hello.example',
        none: true,
        all: true,
        raw: true,
        frozen: 'spread',
      })
      await proxy.until(/servername facts\.hello\.example inbound/)
      await proxy.until(/transaction GET 200/)
      await proxy.until(/closed true/)

      for (const hook of ['hello', 'cert']) {
        t.match(await client({ tls, servername: `later.${hook}.example` }), { body: HELLO }, hook)
        t.match(await client({ tls, servername: `no.${hook}.example` }), { body: undefined, alert: 49 })
        t.match(await client({ tls, servername: `throws.${hook}.example` }), { body: undefined, alert: 80 })
      }
      await proxy.until(/refused the client's handshake: policy, not you/)
      await proxy.until(/plugin isolated_client failed while it was asked about client 127\S+: oops/)
      t.equal(count(/ready true/), 2, 'each instance has heard that the ports are open')
      t.match(await client({ tls, servername: 'twice.hello.example' }), { body: HELLO })
      await proxy.until(/reenabled the handshake with client 127\S+ a second time/)
    })

    await t.test('the certificate is the choice of a plugin in a worker', async t => {
      for (const [what, shown] of Object.entries({ byname: 'other.example', pem: 'given.example' }))
        t.match(await client({ tls, servername: `${what}.cert.example` }), { shown, body: HELLO }, what)
      t.match(await client({ tls, servername: 'late.cert.example' }), { shown: 'proxy.example', body: HELLO })
      await proxy.until(/a number PTC_PLUGIN_CALL/)
      await proxy.until(/too late PTC_PLUGIN_CALL/)
      for (const what of ['unknown', 'junk'])
        t.match(
          await client({ tls, servername: `${what}.cert.example` }),
          { body: undefined, alert: 80 },
          what,
        )
      const failed = /plugin isolated_client failed while it was asked about client 127\S+: /.source
      await proxy.until(new RegExp(`${failed}no line of ssl_multicert\\.config is for nobody\\.example`))
      await proxy.until(new RegExp(`${failed}.*PEM`))
    })

    await t.test('a plugin in a worker keeps the sessions of clients', async t => {
      const dir = makeTempDir()
      t.teardown(() => dir.remove())
      const { client, proxy, count } = await setUp(t)
      const file = `${dir.path}/session.pem`
      t.match(await client({ tls, args: ['-sess_out', file] }), { isResumed: false, body: HELLO })
      await proxy.until(/NOTE: \[isolated_client] new true proxy\.example/)
      await proxy.until(/second new/)
      t.match(await client({ tls, args: ['-sess_in', file] }), { isResumed: true, body: HELLO })
      await proxy.until(/provided true/)
      t.equal(count(/second get/), 0, 'who comes later is not asked when the session is there')
      const servername = 'wrong.session.example'
      const wrong = `${dir.path}/wrong.pem`
      t.match(await client({ tls, servername, args: ['-sess_out', wrong] }), { isResumed: false })
      t.match(await client({ tls, servername, args: ['-sess_in', wrong] }), { isResumed: false, body: HELLO })
      await proxy.until(/NOTE: \[isolated_client] what it provided is no session of the id/)
      await proxy.until(/provide says true false/)
      await proxy.until(/too late it says false/)
      await proxy.until(/second get/)
    })
  })

  test(`TLS ${tls}: the certificate of a client`, async t => {
    const dir = makeTempDir()
    t.teardown(() => dir.remove())
    const { certPem, keyPem } = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
    const pem = dir.file('client.pem', certPem + keyPem)
    const args = ['-cert', pem, '-key', pem]
    const { client, proxy } = await setUp(t, {
      'proxy.config.ssl.client.certification_level': 2,
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
    })
    t.match(await client({ tls, args, servername: 'shown.client.example' }), { body: HELLO })
    const [, text = ''] = await proxy.until(/shown (\{.*\})/)
    t.match(JSON.parse(text), {
      subject: /CN=client\.example/,
      cn: /CN=client\.example/,
      isResumed: false,
      protocol: `TLSv${tls}`,
    })
    t.match(await client({ tls, args, servername: 'no.client.example' }), { body: undefined })
  })
}

test('client hooks in workers know shadow mode, deadlines and clients that leave', async t => {
  const shadow = await setUp(t, {}, '@mode=shadow')
  t.match(await shadow.client({ servername: 'no.hello.example' }), { body: HELLO }, 'in shadow it has no say')
  await shadow.proxy.stop()
  const { client, proxy } = await setUp(t, {}, '@deadline=200')
  t.match(await client({ servername: 'never.cert.example' }), { body: undefined, alert: 40 }, 'silence is no')
  await proxy.until(/NOTE: \[isolated_client] aborted/)
  await proxy.server.stop(1)
  await proxy.until(/shutdown 1/)
})
