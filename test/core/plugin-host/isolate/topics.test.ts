/** What operators ask of a plugin in workers: which worker is asked, what it may answer, and what becomes of it when it ends. */
import { type Test, test } from 'tap'
import { WorkerLink } from '../../../../core/plugin-host/isolate/worker-link.js'
import { WorkerTopics } from '../../../../core/plugin-host/isolate/worker-topics.js'
import { TopicHub } from '../../../../core/plugin-host/topics/hub.js'
import { poll } from '../../../kit/watch.js'
import { dir, open } from '../../testing/plugins.js'
import { SLOWLY, type TestThread, thread } from './thread-kit.js'

const LOADED = { did: 'load', hooks: [], topics: ['approvals', 'policy'] }

/** Two workers of a plugin that say what the test wants, and the topics over them. */
async function twoWorkers(t: Test) {
  const threads = [thread(t), thread(t)] as const
  const lost: string[] = []
  let seq = 0
  const links: WorkerLink[] = threads.map(
    one =>
      new WorkerLink(one, 600_000, {
        onLoad: () => {},
        onMessage: message => {
          const link = links[threads.indexOf(one)]
          if (message.did === 'managed' && link !== undefined) topics.take(link, message)
        },
        onStalled: () => {},
        onLost: why => {
          lost.push(why)
          const link = links[threads.indexOf(one)]
          if (link !== undefined) topics.lose(link, why)
        },
      }),
  )
  const serving = () => links.filter(link => link.isServing)
  const topics = new WorkerTopics('asking', serving, () => ++seq, new TopicHub().of('asking'))
  topics.begin(['approvals', 'policy'])
  for (const one of threads) one.say(LOADED)
  await poll(() => serving().length === 2, 'two workers that serve')
  /** What a worker is asked: its number, once it has arrived. */
  const asked = async (one: TestThread, count = 1): Promise<number> => {
    const found = () => one.sent.filter(message => (message as { do: string }).do === 'manage')
    await poll(() => found().length >= count, `${count} requests`)
    return (found().at(-1) as { seq: number }).seq
  }
  return { topics, threads, lost, asked }
}

const says = (seq: number, value: unknown) => ({ did: 'managed', seq, text: JSON.stringify(value) })

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
    if (host === 'large') return ['x'.repeat(67_108_864)]
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
    if (place === '') return
    await t.rejects(async () => await policy?.explain('large'), {
      code: 'PTC_PLUGIN_CALL',
      message: /more than 67108864 characters/,
    })
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
