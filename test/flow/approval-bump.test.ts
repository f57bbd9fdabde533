/** In bump mode a person is asked, too: the client gets 503 inside TLS, and the origin nothing. */
import { join } from 'node:path'
import { test } from 'tap'
import { approving, PLACES } from '../kit/approving.js'
import { BUMP, bumpFiles } from '../kit/bumping.js'
import { HOST } from '../kit/managed.js'

const AS_JSON = ['-H', 'Accept: application/json']

for (const place of PLACES)
  test(`a client of a bumped CONNECT is told of an open question by a 503 with its id ${place}`, async t => {
    const stage = await approving(t, `approval.js ${place}signal_after=2s`, BUMP, {
      files: await bumpFiles(),
    })
    const { proxy, origin, open, waiting, ctl } = stage
    const ask = (...args: string[]) => stage.ask('--cacert', join(proxy.conf.path, 'bump-ca.pem'), ...args)

    const first = await ask(...AS_JSON)
    t.equal(first.code, 0, first.stderr)
    const [, inside = ''] = /^HTTP\/1\.1 200 [\s\S]*?\r\n\r\n([\s\S]*)$/.exec(first.stdout) ?? []
    t.match(inside, /^HTTP\/1\.1 503 /)
    t.match(inside, /\r\nRetry-After: 2\r\n/)
    const [, hold] = /\r\nProxy-Status: portcullis; error=\S+; hold=(q[0-9a-f]+);/.exec(inside) ?? []
    t.match(JSON.parse(inside.slice(inside.indexOf('\r\n\r\n'))), { hold })
    t.match(await open(), [{ id: hold, host: HOST, waiting: 0 }])
    t.notOk(origin.received('Finished'), 'the origin has seen a ClientHello and nothing else')
    t.notOk(origin.received('ApplicationData'))
    t.notMatch(proxy.output(), /refused or cut/)

    const retry = ask()
    const { id } = await waiting()
    t.match(await ctl('accept', id), { code: 0 })
    t.match((await retry).stdout, /\r\n\r\nHTTP\/1\.1 200 /)

    t.match(await ctl('revoke', HOST), { code: 0 })
    t.match((await ask()).stdout, /\r\n\r\nHTTP\/1\.1 503 /)
    const [question] = await open()
    t.match(await ctl('reject', question?.id ?? '', '--why', 'not ours'), { code: 0 })
    const rejected = await ask()
    t.match(rejected.stdout, /\r\n\r\nHTTP\/1\.1 502 /, 'a leaf is at hand')
    t.match(rejected.stdout, /has rejected it: not ours/)
  })

test('an operator that rejects before the client is told leaves it with an alert: nothing is minted', async t => {
  const stage = await approving(t, 'approval.js', BUMP, { files: await bumpFiles() })
  const asked = stage.ask('--cacert', join(stage.proxy.conf.path, 'bump-ca.pem'))
  const { id } = await stage.waiting()
  t.match(await stage.ctl('reject', id), { code: 0 })
  const { code, stderr } = await asked
  t.equal(code, 35, stderr)
  t.notOk(stage.origin.received('Finished'))
})
