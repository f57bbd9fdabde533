/** A reload between two hooks of one transaction, with a plugin in a worker that is asked again after it. */
import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { rawClient } from '../kit/client.js'
import { startProxyHere } from '../kit/proxy.js'
import { listen } from '../kit/running-listener.js'
import { poll } from '../kit/watch.js'

const PLUGIN = `
export default ({ hookAdd }) => {
  for (const hook of ['TS_HTTP_READ_REQUEST_HDR_HOOK', 'TS_HTTP_SEND_RESPONSE_HDR_HOOK'])
    hookAdd(hook, ({ reenable }) => void reenable())
}
`

test('a plugin in workers stays loaded for the transactions that it was asked about', async t => {
  let held: ServerResponse | undefined
  const port = await listen(
    t,
    createServer((_req, res) => {
      held = res
    }),
  )
  const proxy = await startProxyHere({
    hosts: [],
    plugins: ['both.mjs @isolate=worker'],
    modules: { 'both.mjs': PLUGIN },
  })
  t.teardown(proxy.stop)
  const client = await rawClient(proxy.server.ports[0]?.port ?? 0)
  t.teardown(client.stop)
  client.send(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  const response = await poll(() => held, 'the request')
  await proxy.server.reload()
  await sleep(1200) // longer than it takes to discard a generation of which nothing is in flight
  response.end('late')
  const { status, body } = await client.response()
  t.equal(status, 200)
  t.equal(body.toString(), 'late')
})
