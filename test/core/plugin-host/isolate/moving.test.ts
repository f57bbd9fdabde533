import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { IsolatedPlugin } from '../../../../core/plugin-host/isolate/isolated-plugin.js'
import { SharedServices } from '../../../../core/plugin-host/services/services.js'
import { poll } from '../../../kit/watch.js'
import { type TestThread, thread } from './thread-kit.js'

const HOOK = 'TS_VCONN_OUTBOUND_START_HOOK'
const LOADED = { did: 'load', hooks: [{ id: HOOK, options: {} }], topics: [] }
const COUNT = 20
/** Milliseconds: several looks at a worker. */
const LOOKS = 300

test('a worker that returns takes as many waiting questions as make both equal, and not all', async t => {
  const threads: TestThread[] = []
  const start = (): TestThread => {
    const made = thread(t)
    threads.push(made)
    made.say(LOADED)
    return made
  }
  const quiet = { debug: () => {}, note: () => {}, error: () => {}, ignored: () => {}, revoke: () => {} }
  const limits = { workers: 2, hangAfter: 60_000, initTimeout: 60_000, maxFailures: 3, retryAfter: 1000 }
  const services = new SharedServices().of('slow', () => Promise.reject(new Error('nothing is fetched')))
  const plugin = new IsolatedPlugin('slow', { start, destroy: () => {} }, limits, quiet, services)
  t.teardown(async () => {
    const unloaded = plugin.unload()
    for (const { kill } of threads) kill()
    await unloaded
  })
  await plugin.load()
  for (let id = 1; id <= COUNT; id++)
    plugin
      .ask(HOOK, 0, {
        ...{
          vconn: { id },
          host: 'a.test',
          port: 443,
          deadline: Date.now() + 60_000,
          reenable: () => 'counted',
        },
        signal: new AbortController().signal,
      } as never)
      .catch(() => undefined)
  const asked = (): readonly (readonly number[])[] =>
    threads.map(({ sent }) =>
      (sent as readonly { do: string; seq: number }[]).flatMap(({ do: what, seq }) =>
        what === 'ask' ? seq : [],
      ),
    )
  await poll(() => asked().flat().length === COUNT, 'all questions')
  t.strictSame(
    asked().map(({ length }) => length),
    [COUNT / 2, COUNT / 2],
  )
  await sleep(LOOKS)
  t.equal(asked().flat().length, COUNT, 'none is moved while no worker returns')
  const [, second = []] = asked()
  threads[1]?.say({ did: 'return', seq: second[0] })
  await poll(() => asked().flat().length > COUNT, 'a question that is moved')
  await sleep(LOOKS)
  t.equal(asked().flat().length, COUNT + 1)
})
