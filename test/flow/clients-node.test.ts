/** undici's ProxyAgent, which is what Node's own fetch uses, in absolute form, and with CONNECT in probe and bump mode. */
import type { IncomingMessage } from 'node:http'
import { test } from 'tap'
import { fetch, ProxyAgent, request } from 'undici'
import { reject } from '../../core/api/verdict.js'
import { MODES, startForClients } from '../kit/client-programs.js'

const HOST = 'api.test'

for (const mode of MODES) {
  test(`requests and fetches in ${mode} mode`, async t => {
    const { http, https, trustPem, proxyUrl, gate } = await startForClients(t, mode, [HOST])
    const [plain, secure] = [await http(), await https([HOST])]
    for (const proxyTunnel of [false, true]) {
      const dispatcher = new ProxyAgent({ uri: proxyUrl, proxyTunnel, requestTls: { ca: trustPem } })
      t.teardown(() => dispatcher.close())
      for (const url of [`http://${HOST}:${plain.port}/`, `https://${HOST}:${secure.port}/`]) {
        if (proxyTunnel && url.startsWith('http:')) continue // a tunnel that does not carry TLS is refused in these modes
        const answer = await request(url, { dispatcher })
        t.match(await answer.body.text(), /^hello from api\.test/, url)
        const body = Buffer.alloc(500_000, 'x')
        const posted = await fetch(`${url}echo/`, { method: 'POST', body, dispatcher })
        t.equal((await posted.arrayBuffer()).byteLength, body.length)
        const many = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            fetch(`${url}bytes/${n}`, { dispatcher }).then(r => r.arrayBuffer()),
          ),
        )
        t.same(
          many.map(bytes => bytes.byteLength),
          [...many.keys()],
        )
        t.equal(await (await fetch(`${url}chunked`, { dispatcher })).text(), 'onetwothree')
      }
    }
    t.ok(gate.asked.length > 0, 'the origin was verified')
  })

  test(`a rejected origin in ${mode} mode`, async t => {
    const stage = await startForClients(
      t,
      mode,
      [HOST],
      event => void event.reenable(reject('policy', 'no way')),
    )
    const origin = await stage.https([HOST])
    const dispatcher = new ProxyAgent({ uri: stage.proxyUrl, requestTls: { ca: stage.trustPem } })
    t.teardown(() => dispatcher.close())
    const answered = request(`https://${HOST}:${origin.port}/`, { dispatcher })
    if (mode === 'probe') await t.rejects(answered, /Proxy response \(502\)/)
    else await t.rejects(answered, { code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED' })
    t.equal(origin.requests.length, 0)
  })
}

test('a request with trailers and an early hint arrives as it was sent', async t => {
  const { https, trustPem, proxyUrl } = await startForClients(t, 'bump', [HOST])
  const origin = await https([HOST], {
    handler: (req: IncomingMessage, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' })
      req.resume().on('end', () => {
        res.writeHead(200, { Trailer: 'X-Sum' })
        res.addTrailers({ 'X-Sum': 'x' })
        res.end('body')
      })
    },
  })
  const dispatcher = new ProxyAgent({ uri: proxyUrl, requestTls: { ca: trustPem } })
  t.teardown(() => dispatcher.close())
  const infos: number[] = []
  const answer = await request(`https://${HOST}:${origin.port}/`, {
    dispatcher,
    onInfo: ({ statusCode }) => infos.push(statusCode),
  })
  t.equal(await answer.body.text(), 'body')
  t.same(answer.trailers, { 'x-sum': 'x' })
  t.same(infos, [103])
})
