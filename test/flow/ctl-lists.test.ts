/** Lists of `ctl`: what is left out of them, and how they are watched. */
import { type Test, test } from 'tap'
import { approving, approvingProgram } from '../kit/approving.js'
import { startChild } from '../kit/child.js'
import { HOST, type Managed } from '../kit/managed.js'
import { MAIN, runMain } from '../kit/proxy.js'

async function watching(t: Test, { proxy }: Managed, ...words: string[]) {
  const child = await runMain(['ctl', '-D', proxy.conf.path, ...words, '--watch'])
  t.teardown(child.stop)
  return {
    child,
    sees: (pattern: RegExp) => child.until(() => pattern.exec(child.stdout()) ?? undefined, `${pattern}`),
  }
}

test('the history is searched and cut, and says which command makes a handshake again', async t => {
  const { ask, waiting, ctl, origin } = await approving(t, 'approval.js')
  const answer = async (...words: string[]): Promise<void> => {
    const asked = ask()
    const { id } = await waiting()
    t.match(await ctl(words[0] ?? '', id, ...words.slice(1)), { code: 0 })
    await asked
  }
  await answer('accept', '--leaf', '--why', 'the registry')
  await ctl('revoke', HOST)
  await answer('reject', '--issuer', '--why', 'not ours')
  const all = (await ctl('history')).out
  t.match(
    all,
    new RegExp(
      `^\\S+ \\S+ \\S+ rejected ${HOST}:${origin.port} by person approval, asked by 127\\.0\\.0\\.1\n  \\S+: not ours\n`,
    ),
  )
  t.match(all, new RegExp(`\n  portcullis try ${HOST}:${origin.port}\n`))
  const rowsOf = async (...words: string[]) =>
    JSON.parse((await ctl('history', '--json', ...words)).out).history as { result: string; why: string }[]
  t.match(await rowsOf('--result', 'accepted'), [{ result: 'accepted', why: 'the registry' }])
  t.equal((await rowsOf('--result', 'rejected')).length, 1)
  t.match(await rowsOf('--search', 'the registry'), [{ result: 'accepted' }])
  t.match(await rowsOf('--search', 'REGISTRY'), [{ result: 'accepted' }], 'in small letters or large ones')
  t.match(await rowsOf('--limit', '1'), [{ result: 'rejected' }], 'the latest first')
  t.equal((await rowsOf()).length, 2)
  t.match(await ctl('history', '--search', 'nothing'), { code: 0, out: 'no verdict is kept that fits\n' })
  for (const [words, said] of [
    [['--limit', '0'], /--limit 0: write a number of rows/],
    [['--limit', 'all'], /--limit all: write a number of rows/],
    [['--result', 'refused'], /--result refused: write accepted, rejected, postponed/],
  ] as const)
    t.match(await ctl('history', ...words), { code: 64, err: said })
})

test('lists are watched until the proxy ends', async t => {
  const all = await approvingProgram(t, 'approval.js')
  const { ask, waiting, ctl, origin } = all
  const approvals = await watching(t, all, 'approvals')
  const parked = await watching(t, all, 'parked')
  const history = await watching(t, all, 'history')
  const metric = await watching(t, all, 'metric', 'get', 'portcullis_parked')
  const status = await watching(t, all, 'status', '--json')
  await approvals.sees(/^no question is open\n/)
  await metric.sees(/^portcullis_parked 0\n/)
  await history.sees(/^no verdict is kept that fits\n/)
  await parked.sees(/^no handshake with an origin is parked\n/)
  const asked = ask()
  const { id } = await waiting()
  await approvals.sees(new RegExp(`^${id} +${HOST}:${origin.port} `, 'm'))
  await parked.sees(new RegExp(`^\\d+ +${HOST}:${origin.port} +approval ${id} `, 'm'))
  await metric.sees(/^portcullis_parked 1\n/m)
  await status.sees(/"parked":1[,}]/)
  await ctl('accept', id)
  await asked
  await history.sees(new RegExp(`accepted ${HOST}`))
  await approvals.sees(/no question is open\n$/)
  const stop = await watching(t, all, 'stop')
  t.equal(await stop.child.exited(), 0)
  t.match(
    stop.child.stdout(),
    /^it ends when its requests have ended, in 30\.0 s at most\n[\s\S]*the proxy has ended\n$/,
  )
  for (const { child } of [approvals, parked, history, metric, status]) {
    t.equal(await child.exited(), 1)
    t.match(child.stderr(), /^portcullis: PTC_ADMIN_UNREACHABLE: /)
  }
})

test('what reads the output may end before it', async t => {
  const { proxy } = await approving(t, 'approval.js')
  const line = ['ctl', '-D', proxy.conf.path, 'status', '--watch']
  const child = await startChild('sh', ['-c', '"$0" "$@" | head -n 1', process.execPath, MAIN, ...line])
  t.teardown(child.stop)
  t.equal(await child.exited(), 0)
  t.match(child.stdout(), /^portcullis .*\n$/)
  t.equal(child.stderr(), '')
})

test('a stop and a restart take the word of traffic_ctl that says what they do anyway', async t => {
  const { ctl, proxy } = await approvingProgram(t, 'approval.js')
  t.match(await ctl('server', 'status', '--drain'), { code: 64, err: /--drain belongs to/ })
  t.match(await ctl('server', 'stop', '--drain'), { code: 0, out: /it ends when its requests have ended/ })
  t.equal(await proxy.child.exited(), 0)
})
