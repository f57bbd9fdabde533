/** What a plugin throws where nothing of the proxy can catch it: a line of the log. The process goes on. */
import { test } from 'tap'
import { get } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { startProxy } from '../kit/proxy.js'

const LOOSE = `
const odd = [
  new Error('plain'), null, undefined, Symbol('odd'), Object.create(null), new Proxy({}, { get() { throw 1 } }),
  Object.defineProperty(new Error(), 'message', { get() { throw 1 } }), new Error('h'.repeat(30_000_000)),
]
export default ({ hookAdd, note }) => hookAdd('TS_HTTP_READ_REQUEST_HDR_HOOK', ({ signal, reenable }) => {
  for (const one of odd) {
    setTimeout(() => { throw one })
    setImmediate(() => { throw one })
    process.nextTick(() => { throw one })
    queueMicrotask(() => { throw one })
    Promise.reject(one)
    void (async () => { throw one })()
  }
  AbortSignal.any([signal]).addEventListener('abort', () => { throw new Error('derived') })
  setTimeout(() => { note('all thrown'); reenable() }, 50)
})
`

test('an uncaught error of a plugin does not end the proxy', async t => {
  const origin = await nodeOrigin()
  t.teardown(origin.stop)
  const proxy = await startProxy({
    hosts: ['origin.example'],
    modules: { 'loose.mjs': LOOSE },
    plugins: ['loose.mjs'],
  })
  t.teardown(proxy.stop)
  for (let i = 0; i < 2; i++)
    t.equal((await get(proxy.port, `http://origin.example:${origin.port}/`)).status, 200)
  await proxy.until(/all thrown/)
  const [place] = await proxy.until(
    /ERROR: an exception that nothing caught: plain \(at \S+loose\.mjs:3:\d+\); the proxy goes on/,
  )
  t.ok(place)
  await proxy.until(/ERROR: a rejection that nothing caught: an object without a message; the proxy goes on/)
  t.ok(proxy.output().length < 200_000, 'what is written is short')
  proxy.child.kill('SIGTERM')
  t.equal(await proxy.child.exited(), 0, 'a signal ends it')
})
