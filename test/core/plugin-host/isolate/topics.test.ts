/** What operators ask of a plugin in workers: which worker is asked, what it may answer, and what becomes of it when it ends. */
import { test } from 'tap'
import { poll } from '../../../kit/watch.js'
import { dir, open } from '../../testing/plugins.js'
import { SLOWLY } from './thread-kit.js'
import { says, twoWorkers } from './topics-kit.js'

test('a withdrawal reaches all workers, one after another', async t => {
  const { topics, threads, asked } = await twoWorkers(t)
  const [one, two] = threads
  const withdrawn = topics.callsOf('approvals').withdraw('all', 'everything', 'me')
  one.say(says(await asked(one), 3))
  two.say(says(await asked(two), 0))
  t.equal(await withdrawn, 3)
  t.match(two.sent.at(-1), { topic: 'approvals', part: 'withdraw', args: ['all', 'everything', 'me'] })
  t.equal(one.sent.length, 1)
})

test('a worker that ends is left out; where all end, the request fails', async t => {
  const { topics, threads, asked, lost } = await twoWorkers(t)
  const [one, two] = threads
  const first = topics.callsOf('approvals').withdraw('all', 'everything', 'me')
  await asked(one)
  one.kill()
  two.say(says(await asked(two), 2))
  t.equal(await first, 2)
  const second = topics.callsOf('policy').explain('a.example')
  await asked(two, 2)
  two.kill()
  await t.rejects(second, {
    code: 'PTC_PLUGIN_WORKER',
    message: /^plugin asking has lost the worker that was asked, and what was asked may be done: /,
  })
  await t.rejects(topics.callsOf('approvals').list(), {
    code: 'PTC_PLUGIN_WORKER',
    message: 'plugin asking has no worker that can be asked at this moment: ask again',
  })
  t.equal(lost.length, 2)
})

test('a question is answered by the worker that has it', async t => {
  const { topics, threads, asked } = await twoWorkers(t)
  const [one, two] = threads
  const given = { verdict: 'accept', scope: 'leaf', duration: undefined, who: 'me', why: undefined } as const
  const answered = topics.callsOf('approvals').answer('q1', given)
  for (const each of threads) each.say(says(await asked(each), []))
  one.say(says(await asked(one, 2), null))
  two.say({
    did: 'managed',
    seq: await asked(two, 2),
    text: '',
    error: { code: 'PTC_ADMIN_REQUEST', message: 'no' },
  })
  await t.rejects(answered, { code: 'PTC_ADMIN_REQUEST', message: 'no' })
})

test('a worker answers what it was asked, once, with what the function answers', async t => {
  for (const forge of [
    (seq: number) => says(seq + 1, ['forged']),
    (seq: number) => says(seq + 1000, ['forged']),
    (seq: number) => says(-seq, ['forged']),
    (seq: number) => says(seq, 'no list'),
    (seq: number) => says(seq, [1]),
    (seq: number) => ({ did: 'managed', seq, text: '[' }),
  ]) {
    const { topics, threads, asked, lost } = await twoWorkers(t)
    const [one, two] = threads
    // Number 1 is a request to the first worker; number 2, where it is used, one to the second.
    const explained = topics.callsOf('policy').explain('a.example')
    one.say(forge(await asked(one)))
    two.say(says(await asked(two), ['a line']))
    t.strictSame(await explained, ['a line'], 'the other one is asked')
    t.ok(one.isKilled())
    t.match(lost, ['it said what no worker says, and was ended'])
  }
})

test('a page follows the one before it, when it is asked for', async t => {
  const page = (seq: number, left: number | undefined, value: unknown = ['a']) => ({
    ...says(seq, value),
    ...(left === undefined ? {} : { left }),
  })
  const { topics, threads, asked } = await twoWorkers(t)
  const [one] = threads
  const explained = topics.callsOf('policy').explain('a.example')
  const seq = await asked(one)
  for (const left of [2, 1]) {
    one.say(page(seq, left, [`${left}`]))
    await poll(
      () => one.sent.filter(message => (message as { do: string }).do === 'page').length === 3 - left,
      'a page',
    )
    t.match(one.sent.at(-1), { do: 'page', seq, isWanted: true })
  }
  one.say(page(seq, undefined, ['0']))
  t.strictSame(await explained, ['2', '1', '0'])

  for (const forge of [
    (at: number) => [page(at, 32)],
    (at: number) => [page(at, -1)],
    (at: number) => [page(at, 1.5)],
    (at: number) => [page(at, 3), page(at, 3)],
    (at: number) => [page(at, 3), page(at, undefined)],
    (at: number) => [page(at, 1), page(at, 2)],
    (at: number) => [page(at, 1), page(at, undefined, 'no list')],
    (at: number) => [{ ...page(at, undefined), text: JSON.stringify(['x'.repeat(1_048_576)]) }],
  ]) {
    const stage = await twoWorkers(t)
    const [first, second] = stage.threads
    const other = stage.topics.callsOf('policy').explain('a.example')
    for (const message of forge(await stage.asked(first))) first.say(message)
    second.say(says(await stage.asked(second), ['a line']))
    t.strictSame(await other, ['a line'], 'the other one is asked')
    t.ok(first.isKilled())
  }
})

test('a worker does not answer what another was asked', async t => {
  const { topics, threads, asked } = await twoWorkers(t)
  const [one, two] = threads
  const reported = topics.callsOf('policy').explain('a.example')
  const seq = await asked(one)
  two.say(says(seq, ['forged']))
  await poll(() => two.isKilled(), 'the end of the second worker')
  one.say(says(seq, ['true']))
  t.strictSame(await reported, ['true'])
  one.say(says(seq, ['again']))
  await poll(() => one.isKilled(), 'the end of the first worker')
})

dir.file(
  'explaining.mjs',
  `import { isMainThread } from 'node:worker_threads'
export default ({ manage, hookAdd, managedAt }) => {
  manage('policy', { explain: async host => {
    if (host === 'exit') process.exit(1)
    if (host === 'large') return ['x'.repeat(1_048_576)]
    if (host === 'long') return Array.from({ length: 5000 }, (_, i) => String(i).padStart(1000, '0'))
    if (host === 'endless') return Array.from({ length: 40_000 }, () => 'x'.repeat(1000))
    if (host === 'full') return Array.from({ length: 32 }, () => 'x'.repeat(1_048_571))
    if (host === 'wrong') return 'no list'
    if (host === 'throws') throw new Error('cannot')
    if (host === 'spin') for (;;);
    return [host, String(isMainThread), String(managedAt())]
  } })
}`,
)

for (const place of ['', '@isolate=worker '])
  test(`a topic of a plugin is reached, and its failures are told ${place}`, async t => {
    const records = { 'proxy.config.plugin.isolate.memory_mb': 512, ...SLOWLY }
    const kit = await open(t, `explaining.mjs ${place}`, { records })
    const policy = kit.managed('policy')
    t.strictSame(await policy?.explain('a.example'), ['a.example', String(place === ''), 'undefined'])
    await t.rejects(async () => await policy?.explain('wrong'), {
      code: 'PTC_PLUGIN_CALL',
      message: /explain of policy has answered/,
    })
    await t.rejects(async () => await policy?.explain('throws'), {
      code: 'PTC_ADMIN_REQUEST',
      message: 'cannot',
    })
    const long = await policy?.explain('long')
    t.strictSame(
      long?.map(Number),
      Array.from({ length: 5000 }, (_, i) => i),
      'a long list is whole, in its order',
    )
    if (place === '') return
    for (const [host, message] of [
      ['large', 'explain of policy: one value has more than 1048576 characters'],
      ['endless', 'explain of policy has more than 33554432 characters'],
    ] as const)
      await t.rejects(async () => await policy?.explain(host), { code: 'PTC_PLUGIN_CALL', message })
    t.equal((await policy?.explain('full'))?.length, 32, 'as many pages as there may be, each full')
    const lists = await Promise.all(Array.from({ length: 6 }, () => policy?.explain('long')))
    for (const list of lists) t.equal(list?.length, 5000, 'several are read at once')
    t.ok(await policy?.explain('b.example'), 'and no worker is lost')
  })

test('a request that ends its worker, or hangs it, fails; workers that take its place answer', async t => {
  const records = { 'proxy.config.plugin.isolate.hang_timeout': 200, ...SLOWLY }
  const kit = await open(t, 'explaining.mjs @isolate=worker', { records })
  const policy = kit.managed('policy')
  for (const host of ['exit', 'spin']) {
    await t.rejects(async () => await policy?.explain(host), {
      code: 'PTC_PLUGIN_WORKER',
      message: /what was asked may be done/,
    })
    const lines = await poll(async () => {
      const answer = await policy?.explain('a.example').catch((cause: { code: string }) => cause.code)
      return answer !== 'PTC_PLUGIN_WORKER' && answer
    }, 'a worker in its place')
    t.match(lines, ['a.example', 'false'])
  }
})

dir.file(
  'thief.mjs',
  `import { MessagePort } from 'node:worker_threads'
export default ({ argv, manage, hookAdd }) => {
  if (argv[1] === 'asks') return manage('policy', { explain: async () => ['stolen'] })
  const { postMessage } = MessagePort.prototype
  MessagePort.prototype.postMessage = function (message, ...rest) {
    if (message?.did === 'load') message.topics = ['policy']
    return postMessage.call(this, message, ...rest)
  }
}`,
)

test('a worker cannot take the topic of another plugin', async t => {
  for (const how of ['asks', 'forges'])
    for (const place of ['', '@isolate=worker '])
      await t.rejects(
        open(t, [`explaining.mjs ${place}`, `thief.mjs @isolate=worker ${how}`], { records: SLOWLY }),
        {
          code: 'PTC_PLUGIN_CALL',
          message: /plugin\.config:2: plugin thief: plugin explaining manages policy already; only one can/,
        },
      )
})
