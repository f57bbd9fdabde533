/** Debug lines of several processes, switched on by `ctl debug`. */
import { test } from 'tap'
import type { Status } from '../../core/admin/admin-api.js'
import { get } from '../kit/client.js'
import { CONNECTION, HOST, issued, managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { poll } from '../kit/watch.js'

test('debug lines are switched on in all processes, and in those that take their places', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const all = await managed(t, ['desk.mjs one'], undefined, {
    records: { 'proxy.config.exec_thread.limit': 2 },
  })
  const pids = async (): Promise<readonly number[]> =>
    (JSON.parse((await all.ctl('status', '--json')).out) as Status).processes.map(({ pid }) => pid)
  /** The number of debug lines so far, after a first handshake in each process. */
  const ask = async () => {
    for (let i = 0; i < 2; i++)
      t.equal((await get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
    return all.proxy.output().split(/DIAG: \(ssl\) handshake with \S+ parked/).length - 1
  }
  t.equal((await all.ctl('debug', 'ssl')).code, 0)
  t.equal(await ask(), 2)
  const before = await pids()
  for (const pid of before) {
    process.kill(pid, 'SIGKILL')
    await poll(async () => {
      const now = await pids()
      return now.length === 2 && !now.includes(pid)
    }, `another process in the place of ${pid}`)
  }
  t.equal(await ask(), 4)
})
