/** A plugin in shadow mode that takes its time, in a CONNECT that is bumped, in and out of workers: its outcome counts. */
import { test } from 'tap'
import { rawClient } from '../kit/client.js'
import { bumping, HOST, LINES, outcome, start } from '../kit/shadowing.js'

for (const isolate of ['', '@isolate=worker'])
  for (const [what, counts] of Object.entries(LINES))
    test(`a shadow ${isolate} that ${what}, after its bumped connection has ended`, async t => {
      const { proxy, authority } = await start(
        t,
        `shadow.mjs @mode=shadow ${isolate} ${what}`,
        await bumping(),
      )
      const client = await rawClient(proxy.port)
      client.send(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
      t.equal((await client.response('CONNECT')).status, 200)
      const inside = await client.secure({ servername: HOST, rejectUnauthorized: false })
      t.match(inside.socket.getPeerX509Certificate()?.issuer, 'CN=Bump CA')
      inside.stop()
      await outcome(t, proxy, what, counts)
    })
