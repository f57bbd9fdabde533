/** From what is in use to what is allowed: the plugins learn and policy, curl, and `portcullis`. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { commandHere } from '../kit/command-here.js'
import { curl } from '../kit/curl.js'
import { HOST, issued, managedHere } from '../kit/managed.js'
import { opensslOrigin } from '../kit/openssl-origin.js'

test('rules are learned from traffic, written, enforced and explained', async t => {
  const origin = await opensslOrigin({ ...issued })
  t.teardown(origin.stop)
  const records = { 'proxy.config.http.connect_ports': `443 ${origin.port}` }
  const { proxy, ctl } = await managedHere(t, ['learn.js @mode=shadow folder=learned'], undefined, {
    records,
  })
  const url = `https://${HOST}:${origin.port}/`
  const ask = () => curl(['-s', '-k', '-x', `http://127.0.0.1:${proxy.port}`, url])
  const conf = proxy.conf.path

  t.equal((await ask()).code, 0)
  const report = await ctl('learn', 'report')
  t.match(
    report.out,
    new RegExp(`^1 hosts since .*\\n${HOST}:${origin.port}  1 handshakes, 1 clients, .*Root\\n$`),
  )
  const written = await commandHere(['learn', 'write', '-D', conf])
  t.equal(written.exitCode, 0, written.stderr())
  t.match(written.stdout(), /policy\.yaml\n.*sni\.yaml\n$/)
  t.match(await ctl('policy', 'explain', HOST), { code: 1, err: /no plugin explains its rules/ })
  t.match(await ctl('policy', 'tell'), { code: 64, err: /policy takes explain HOST\[:PORT\]/ })
  t.match(await ctl('learn'), { code: 64, err: /learn takes report or write/ })

  copyFileSync(join(conf, 'learned', 'policy.yaml'), join(conf, 'policy.yaml'))
  t.match(readFileSync(join(conf, 'policy.yaml'), 'utf8'), 'action: require')
  writeFileSync(join(conf, 'plugin.config'), 'policy.js file=policy.yaml\n')
  t.match(await ctl('reload'), { code: 0 })
  t.equal((await ask()).code, 0, 'what was in use goes on')
  const at = /^policy\.yaml:\d+ managed\.test:\d+ \(require\): accepts, host is managed\.test, /
  t.match((await ctl('policy', 'explain', 'MANAGED.test')).out, at)
  t.match(
    (await ctl('policy', 'explain', 'other.test')).out,
    /\npolicy\.yaml:\d+ everything else \(block\): rejects/,
  )
  t.match(
    (await ctl('policy', 'explain', `${HOST}:1`)).out,
    /: no, port is 1, the rule says \d+\n.*: rejects/,
  )
  t.match(await ctl('policy', 'explain', 'a b'), { code: 1, err: /"a b" is no host/ })
  t.match(await ctl('learn', 'report'), { code: 1, err: /no plugin learns/ })
})
