/** Log files, and the proxy's entry in Via, where several processes serve. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { get } from '../kit/client.js'
import { CONNECTION, issued, managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'

test('one process rolls the log that all write, and no line is lost', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const dir = t.testdir({})
  const records = {
    'proxy.config.exec_thread.limit': 2,
    'proxy.config.log.logging_enabled': 3,
    'proxy.config.log.logfile_dir': dir,
    'proxy.config.log.filename': 'access.log',
    'proxy.config.log.rolling_enabled': 2,
    'proxy.config.log.rolling_size_mb': 10,
  } as const
  const { proxy } = await managed(t, [], undefined, { records })
  // 10 MiB is the least: long paths fill it.
  const path = 'x'.repeat(15_000)
  const total = 1600
  for (let i = 0; i < total; i += 40) {
    const asked = Array.from({ length: 40 }, (_, j) =>
      get(proxy.port, `http://127.0.0.1:${origin.httpPort}/${i + j}?${path}`),
    )
    await Promise.all(asked)
  }
  proxy.child.kill('SIGTERM')
  t.equal(await proxy.child.exited(), 0)
  const files = readdirSync(dir)
  t.ok(files.length >= 2, files.map(file => `${file}: ${statSync(join(dir, file)).size}`).join())
  t.ok(files.includes('access.log'), 'the others have opened the file anew')
  const seen = files.flatMap(file =>
    [...readFileSync(join(dir, file), 'latin1').matchAll(/127\.0\.0\.1:\d+\/(\d+)\?/g)].map(([, n]) =>
      Number(n),
    ),
  )
  t.equal(seen.length, total)
  t.equal(new Set(seen).size, total)
})

test('each process finds the requests of all in Via', async t => {
  const origin = await nginxOrigin({
    ...issued,
    server: 'location / { return 200 "$http_via"; }',
  })
  t.teardown(origin.stop)
  const { proxy } = await managed(t, [], undefined, { records: { 'proxy.config.exec_thread.limit': 2 } })
  const ask = async () => (await get(proxy.port, `http://127.0.0.1:${origin.httpPort}/`)).body.toString()
  const entries = [await ask(), await ask(), await ask()]
  t.match(entries[0], /\S/)
  t.equal(new Set(entries).size, 1)
})
