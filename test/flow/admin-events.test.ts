/** Server-sent events of a running proxy. */
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { portOf, tokenOf } from '../kit/admin-client.js'
import { approving } from '../kit/approving.js'
import { poll } from '../kit/watch.js'

/** Listens, and counts the events of each name. */
async function listen(t: Test, port: number, headers: Readonly<Record<string, string>>) {
  const asked = request({ host: '127.0.0.1', port, path: '/v1/events', headers })
  t.teardown(() => asked.destroy())
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.on('response', resolve).on('error', reject).end()
  })
  let text = ''
  res.setEncoding('utf8').on('error', () => {})
  res.on('data', part => {
    text += part
  })
  const count = (name: string): number => text.split(`event: ${name}\ndata: {}\n\n`).length - 1
  /** Resolves once there are more events of that name than `than`. */
  const more = (name: string, than: number): Promise<true> =>
    poll(() => count(name) > than, `more than ${than} events ${name}`)
  return { asked, res, count, more }
}

test('a listener is told of changes, and no more than twenty listen', async t => {
  const { proxy, ctl, ask, waiting } = await approving(t, 'approval.js', {
    'proxy.config.admin.listen': '127.0.0.1:0',
  })
  const port = portOf((await ctl('dashboard')).out.trim())
  const bearer = tokenOf(proxy.conf.path)
  t.equal((await listen(t, port, {})).res.statusCode, 401)

  const first = await listen(t, port, bearer)
  t.match(first.res, { statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  for (const name of ['parked', 'approvals', 'status']) await first.more(name, 0)
  // The first look of all finds everything new, and no later one finds anything.
  await sleep(1200)
  const quiet = ['parked', 'approvals', 'status'].map(first.count)
  await sleep(1200)
  t.strictSame(['parked', 'approvals', 'status'].map(first.count), quiet, 'nothing happens, nothing is told')

  const held = ask()
  const { id } = await waiting()
  await first.more('parked', quiet[0] ?? 0)
  await first.more('approvals', quiet[1] ?? 0)
  const asked = first.count('approvals')
  t.equal((await ctl('accept', id)).code, 0)
  await first.more('approvals', asked)
  t.match((await held).stdout, /^HTTP\/1\.1 200 /)
  const read = first.count('status')
  await ctl('reload')
  await first.more('status', read)

  const others = await Promise.all(Array.from({ length: 19 }, () => listen(t, port, bearer)))
  t.strictSame([...new Set(others.map(({ res }) => res.statusCode))], [200])
  t.equal((await listen(t, port, bearer)).res.statusCode, 429)
  others[0]?.asked.destroy()
  await poll(
    async () => (await listen(t, port, bearer)).res.statusCode === 200,
    'room, where a listener has left',
  )
})
