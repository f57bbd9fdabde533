/** A plugin in shadow mode that takes its time, in a probe and in a request, in and out of workers: its outcome counts. */
import { test } from 'tap'
import { get, rawClient } from '../kit/client.js'
import { LINES, outcome, start } from '../kit/shadowing.js'

for (const isolate of ['', '@isolate=worker'])
  for (const [what, counts] of Object.entries(LINES)) {
    test(`a shadow ${isolate} that ${what}, after its CONNECT has been probed and has ended`, async t => {
      const { proxy, authority } = await start(t, `shadow.mjs @mode=shadow ${isolate} ${what}`)
      const client = await rawClient(proxy.port)
      client.send(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
      t.equal((await client.response('CONNECT')).status, 200)
      client.stop()
      await outcome(t, proxy, what, counts)
    })

    test(`a shadow ${isolate} that ${what}, after its request has been answered`, async t => {
      const { proxy, authority } = await start(t, `shadow.mjs @mode=shadow ${isolate} ${what}`)
      t.equal((await get(proxy.port, `https://${authority}/`, ['Connection: close'])).status, 200)
      await outcome(t, proxy, what, counts)
    })
  }
