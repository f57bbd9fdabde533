/** Name and password of a URL reach the origin as a field, plugins as that field, and no page, log or URL. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { get, rawClient, type TimedResponse } from '../kit/client.js'
import { HOOKS, yes } from '../kit/gate.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'
import { freePort } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'

test('name and password of a URL become a field for origin and plugins, and are written nowhere', async t => {
  const { secure, plain } = await bothOrigins(t)
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const answers = Object.fromEntries(HOOKS.map(hook => [hook, yes]))
  const { gate, proxy, port } = await gateStage(t, answers, {
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir.path,
      'proxy.config.log.format': 'json',
      'proxy.config.diags.debug.enabled': 1,
      'proxy.config.diags.debug.tags': '.*',
    },
  })
  const basic = `Basic ${btoa('ann:sesame')}`
  for (const origin of [secure, plain]) {
    const scheme = origin === secure ? 'https' : 'http'
    const at = `${HOST}:${origin.port}`
    const answer = await get(port, `${scheme}://ann:ses%61me@${at}/a?b`)
    t.equal(answer.status, 200)
    t.match(origin.requests.at(-1), { url: '/a?b', headers: { host: at, authorization: basic } })
    await get(port, `${scheme}://ann:sesame@${at}/`, ['Authorization: Bearer own'])
    t.match(origin.requests.at(-1)?.headers, { authorization: 'Bearer own' })
    for (const event of gate.of(HOOKS[0]).slice(-2)) t.match(event.url, new RegExp(`^${scheme}://${at}/`))
  }
  const page = await get(port, `http://ann:sesame@${HOST}:${await freePort()}/`, ['Accept: text/html'])
  t.equal(page.status, 502)
  const refused: TimedResponse[] = []
  for (const target of ['http://ann:sesame@a..b/', 'ftp://ann:sesame@a/', 'http://ann:sesame@/']) {
    const client = await rawClient(port)
    client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    refused.push(await client.response())
    client.stop()
  }
  const tunnel = await rawClient(port)
  tunnel.send(`CONNECT ann:sesame@${HOST}:443 HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n`)
  refused.push(await tunnel.response('CONNECT'))
  tunnel.stop()
  for (const { status } of refused) t.equal(status, 400)
  const shown = [page, ...refused].map(({ rawHeaders, body }) => `${rawHeaders.join()}${body}`)
  const file = join(dir.path, 'access.log')
  const log = await poll(() => {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    return text.split('\n').length > 9 && text
  }, 'nine lines')
  t.notMatch([...shown, log, proxy.output()].join('\n'), /sesame|ses%61me|YW5uOnNlc2FtZQ/i)
  t.match(log, `"url":"https://${HOST}:${secure.port}/a?b"`)
})
