/** A client decides when a plugin's signal aborts: errors of the plugin's listeners must not affect other clients. */
import { type Test, test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { realHello } from '../kit/client-hellos.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type ChildProxy, startProxy } from '../kit/proxy.js'
import { HELLO, origin, root, SECURE_FILES } from '../kit/secure-proxy.js'

const FAILING = `
const onAbort = (signal, where) => {
  signal.addEventListener('abort', () => { throw new Error('at once, ' + where) })
  signal.addEventListener('abort', async () => { throw new Error('later, ' + where) })
  signal.onabort = () => { throw new Error('as a property, ' + where) }
}
export default ({ hookAdd, signal, note }) => {
  onAbort(signal, 'unloaded')
  for (const hook of ['TS_SSL_CLIENT_HELLO_HOOK', 'TS_SSL_CERT_VERIFY_HOOK'])
    hookAdd(hook, event => {
      onAbort(event.signal, hook)
      note('asked on ' + hook)
    })
}
`
const HOW = ['at once', 'later', 'as a property']

async function start(t: Test, line: string): Promise<ChildProxy> {
  const proxy = await startProxy({
    ca: root.certPem,
    hosts: ['origin.example', 'held.example'],
    files: SECURE_FILES,
    modules: { 'failing.mjs': FAILING },
    plugins: [line],
    records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1' },
  })
  t.teardown(() => proxy.stop())
  return proxy
}

for (const line of ['failing.mjs', 'failing.mjs @isolate=worker'])
  test(`abort listeners that throw, ${line}`, async t => {
    const held = await nodeOrigin({ tls: await root.issue({ cn: 'held.example' }) })
    t.teardown(() => held.stop())
    const proxy = await start(t, line)
    const [, secure = ''] = await proxy.until(/listens on (?:.|\n)*listens on \S+:(\d+)/)
    const leave = [
      ['TS_SSL_CERT_VERIFY_HOOK', proxy.port, requestText(`https://held.example:${held.port}/`)],
      ['TS_SSL_CLIENT_HELLO_HOOK', Number(secure), await realHello({ servername: 'proxy.example' })],
    ] as const
    for (const [hook, port, bytes] of leave) {
      const client = await rawClient(port)
      client.send(bytes)
      await proxy.until(new RegExp(`asked on ${hook}`))
      client.reset()
      for (const how of HOW) {
        const [told] = await proxy.until(new RegExp(`.*${how}, ${hook}.*`))
        t.match(told, /ERROR.*failing/, 'the failure is that of the plugin')
      }
    }
    const answer = await get(proxy.port, `http://origin.example:${origin.port}/`)
    t.equal(answer.body.toString(), `${HELLO}\n`, 'the proxy goes on')
    await proxy.reload({ hosts: ['origin.example'] })
    await proxy.until(/ERROR.*failing.*at once, unloaded/)
    t.equal(
      (await get(proxy.port, `http://origin.example:${origin.port}/`)).body.toString(),
      `${HELLO}\n`,
      'on plugins without it',
    )
  })
