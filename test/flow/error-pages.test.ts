import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { curl } from '../kit/curl.js'
import { startProxyHere } from '../kit/proxy.js'

test("an operator's error pages replace the default ones", async t => {
  const proxy = await startProxyHere({ hosts: ['origin.example'] })
  t.teardown(() => proxy.stop())
  const via = ['-sS', '-x', `http://127.0.0.1:${proxy.port}`, '-H', 'Accept: text/html']
  const get = async (url = 'http://origin.example:1/') => (await curl([...via, url])).stdout
  t.match(await get(), /<title>502 Bad Gateway<\/title>/, 'the built-in page')

  const dir = join(proxy.conf.path, 'body_factory/default')
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'connect#failed_connect'), 'no luck with %<host>: %<code>')
  writeFileSync(join(dir, 'access#denied'), 'not %<host>')
  await proxy.server.reload()
  t.equal(await get(), 'no luck with origin.example:1: PTC_CONNECT_REFUSED', 'a reload brings them')
  const tunnel = await curl([
    ...via,
    '-i',
    '--proxy-header',
    'Accept: text/html',
    '-p',
    'http://origin.example:2/',
  ])
  const { length } = 'not origin.example:2' // curl shows the head of such an answer alone
  t.match(
    tunnel.stdout,
    new RegExp(`403 Forbidden.*Content-Length: ${length}\\r`, 's'),
    'for CONNECT as well',
  )

  writeFileSync(join(dir, 'default'), '%<nope>')
  await t.rejects(proxy.server.reload(), {
    code: 'PTC_TEMPLATE_INVALID',
    message: /default:1: there is no %<nope>/,
  })
  t.match(await get(), /^no luck/, 'after a bad reload the old ones stay')
})
