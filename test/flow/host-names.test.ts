/** Hosts as programs write them: in GET, in CONNECT and in the ClientHello they are the same host. */
import { test } from 'tap'
import { startBumping } from '../kit/bumping.js'
import { get, rawClient } from '../kit/client.js'
import { httpsOrigin } from '../kit/connecting.js'

const HOSTS = ['-a-.test.example', 'b_c.test.example', 'plain.test.example']

for (const mode of ['probe', 'bump'] as const) {
  test(`${mode}: hyphens at the ends, underscores, capitals and a final dot`, async t => {
    const it = await startBumping(t, { hosts: HOSTS, records: { 'proxy.config.http.connect.verify': mode } })
    const origin = await httpsOrigin(t, ...HOSTS)
    for (const host of HOSTS) {
      for (const written of [host, host.toUpperCase(), `${host}.`]) {
        const response = await get(it.proxy.port, `https://${written}:${origin.port}/`)
        t.equal(response.status, 200, `GET https://${written}`)
        const { client, answer } = await it.open(`${written}:${origin.port}`)
        t.equal(answer.status, 200, `CONNECT ${written}`)
        const inside = await client.secure({ servername: written, rejectUnauthorized: false })
        inside.send(`GET / HTTP/1.1\r\nHost: ${written}:${origin.port}\r\n\r\n`)
        t.equal((await inside.response()).status, 200, `inside, with SNI ${written}`)
        inside.stop()
      }
    }
    t.strictSame([...new Set(it.gate.asked.map(({ host }) => host))], HOSTS, 'verified as one host each')
  })
}

test('a host that could be none is refused by its name', async t => {
  const it = await startBumping(t, { hosts: HOSTS })
  for (const written of ['a..example', '0x7f000001', '1.2.3.4.5', 'a%2eexample']) {
    const client = await rawClient(it.proxy.port)
    client.send(`GET https://${written}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
    const response = await client.response()
    t.equal(response.status, 400, written)
    t.match(response.header('proxy-status'), /PTC_REQUEST_TARGET: the request-target has the host/)
    client.stop()
    const { answer } = await it.open(`${written}:443`)
    t.equal(answer.status, 400, `CONNECT ${written}`)
    t.match(answer.header('proxy-status'), /PTC_CONNECT_TARGET: the request-target has the host/)
  }
})
