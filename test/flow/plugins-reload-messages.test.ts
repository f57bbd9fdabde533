/** A reload while handshakes are held: what an operator sends reaches the instance that holds them. */
import { test } from 'tap'
import { get } from '../kit/client.js'
import { HOST, issued, managedHere } from '../kit/managed.js'
import { nodeOrigin } from '../kit/node-origin.js'

for (const isolate of ['', '@isolate=worker'])
  test(`messages and rejections after a reload, ${isolate === '' ? 'in the main thread' : 'in workers'}`, async t => {
    const origin = await nodeOrigin({ tls: issued })
    t.teardown(origin.stop)
    const url = `https://${HOST}:${origin.port}/`
    const { proxy, ctl, count } = await managedHere(t, [`desk.mjs ${isolate} old waits`])
    const first = get(proxy.port, url)
    await count(/asked about/g, 1)
    const second = get(proxy.port, url)
    await count(/asked about/g, 2)
    t.match(await ctl('reload'), { code: 0 })

    const listed = JSON.parse((await ctl('parked', '--json')).out) as {
      readonly parked: readonly { id: number }[]
    }
    const [oldest] = listed.parked
    t.match(await ctl('reject', String(oldest?.id), 'revoked', 'by hand'), { code: 0 })
    const rejected = await first
    t.equal(rejected.status, 502)
    t.match(rejected.body.toString(), /by hand/)

    t.match(await ctl('plugin', 'msg', 'accept', 'x'), { code: 0, out: /heard it: 2/ })
    t.equal((await second).status, 200, 'the instance that holds it has heard')
    await count(/old heard accept x/g, 2)
  })
