/** What a line of plugin.config says beside `@isolate=worker`. */
import { test } from 'tap'
import { isolatedStage as setUp } from '../kit/isolated.js'

test('the start warns about a plugin in workers with verify.async 0', async t => {
  const { proxy, get } = await setUp(t, { 'proxy.config.ssl.client.verify.async': 0 })
  t.match(
    proxy.output(),
    /WARNING: plugin\.config:1: plugin isolated has @isolate=worker, .*verify\.async is 0/,
  )
  t.equal((await get('ok')).status, 502)
  await proxy.until(/it returned without an answer, and verify\.async is 0/)
})

test('shadow mode and the late policy work in workers', async t => {
  // The proxy does not wait for a plugin in shadow mode: the connection has to last until it has answered.
  const shadow = await setUp(t, { 'proxy.config.http.origin_max_idle': 10 }, '@mode=shadow')
  t.equal((await shadow.get('no')).status, 200)
  await shadow.proxy.until(/would have rejected no\.test: revoked, on a list \(plugin isolated/)
  const late = await setUp(t, {}, '@deadline=200 @late=builtin')
  t.equal((await late.get('never')).status, 200, 'the built-in check decides in its place')
  await late.proxy.until(/aborted never\.test/)
})

test('a flood of log lines from a worker is cut to a hundred a second, and counted', async t => {
  const { proxy, get } = await setUp(t)
  t.equal((await get('flood')).status, 200)
  const [, omitted] = await proxy.until(/ERROR: \[isolated\] (\d+) lines left out/)
  t.ok(Number(omitted) > 1000, `${omitted} in one second`)
  t.ok(proxy.output().split('] flood ').length < 1000)
  t.match(proxy.output(), /\] flood 0$/m, 'the first ones are written')
  t.equal((await get('ok')).status, 200, 'the plugin goes on')
})
