/** What a worker may say, and what costs it its life. */
import { test } from 'tap'
import { readFromWorker } from '../../../../core/plugin-host/isolate/from-worker.js'
import { WorkerLink } from '../../../../core/plugin-host/isolate/worker-link.js'
import { thread } from './thread-kit.js'

const ANSWER = { did: 'answer', seq: 1, about: 'x', verdict: { kind: 'accept' }, effects: [] }

const GOOD: readonly unknown[] = [
  { did: 'load', hooks: [{ id: 'TS_SSL_CERT_VERIFY_HOOK', options: {} }], topics: ['policy', 'approvals'] },
  { did: 'managed', seq: 3, text: '[]' },
  { did: 'managed', seq: 3, text: '', error: { code: 'PTC_PLUGIN_CALL', message: 'no' } },
  { did: 'not-load', code: 'PTC_PLUGIN_INIT_FAILED', message: 'no' },
  { did: 'return', seq: -3 },
  { did: 'withdraw', seq: 3 },
  ANSWER,
  { ...ANSWER, verdict: { kind: 'reject', reason: 'policy', detail: 'no' } },
  { did: 'fail', seq: 1, message: 'no', stack: undefined },
  { did: 'overdo', about: 'x', why: 'late' },
  { did: 'revoke', what: { host: 'a.test' } },
  { did: 'log', level: 'note', message: 'x', tag: '' },
]

const BAD: readonly unknown[] = [
  null,
  undefined,
  'log',
  1n,
  [],
  new Map([['did', 'log']]),
  { did: 'constructor' },
  { did: '__proto__' },
  { did: 'load', hooks: [{ id: 'TS_NO_HOOK', options: {} }], topics: [] },
  { did: 'load', hooks: 3, topics: [] },
  { did: 'load', hooks: [] },
  { did: 'load', hooks: [], topics: ['secrets'] },
  { did: 'load', hooks: [], topics: ['policy', 'policy'] },
  { did: 'load', hooks: [], topics: ['constructor'] },
  { did: 'managed', seq: 3 },
  { did: 'managed', seq: '3', text: '' },
  { did: 'managed', seq: 3, text: 'x'.repeat(67_108_865) },
  { did: 'managed', seq: 3, text: '', error: { code: 'no code', message: '' } },
  { did: 'managed', seq: 3, text: '', topic: 'approvals' },
  { did: 'not-load', code: 'constructor', message: 'no' },
  { did: 'return', seq: '1' },
  { did: 'return', seq: 1.5 },
  { ...ANSWER, more: true },
  { ...ANSWER, verdict: null },
  { ...ANSWER, verdict: { kind: 'accept', expiresAt: Number.NaN } },
  { ...ANSWER, verdict: { kind: 'reject', reason: 1 } },
  { ...ANSWER, verdict: { kind: 'reject', reason: 'policy', detail: 'd'.repeat(30_000) } },
  { ...ANSWER, effects: new Array(100_000).fill(1) },
  { did: 'fail', seq: 1, message: new Error('x') },
  { did: 'fail', seq: 1, message: 'm'.repeat(1_000_000) },
  { did: 'log', level: 'fatal', message: 'x', tag: '' },
  { did: 'log', level: 'debug', message: new Error('x'), tag: '' },
  { did: 'log', level: 'note', message: 'm'.repeat(1_000_000), tag: '' },
  { did: 'revoke', what: [[['a']]] },
]

test('the schema of messages is closed', async t => {
  for (const message of GOOD) t.equal(readFromWorker(message), message, JSON.stringify(message))
  for (const message of BAD) t.equal(readFromWorker(message), undefined, String(typeof message))
})

test('a worker that says what none says is lost, whatever it says', async t => {
  const foreign = [{ ...ANSWER, seq: 99 }, { did: 'return', seq: 99 }, { did: 'withdraw', seq: 99 }, GOOD[0]]
  for (const message of [...BAD.filter(bad => bad !== undefined), ...foreign]) {
    const one = thread(t)
    const why = await new Promise<string>(resolve => {
      new WorkerLink(one, 10_000, {
        onLoad: () => one.say(message),
        onMessage: () => resolve('it was heard'),
        onStalled: () => {},
        onLost: resolve,
      })
      one.say(GOOD[0])
    })
    t.match(why, /no worker says/)
    t.ok(one.isKilled())
  }
})

test('an answer to the question of another worker reaches nothing', async t => {
  const [first, second] = [thread(t), thread(t)]
  const said: unknown[] = []
  const lost: string[] = []
  const links = [first, second].map(
    one =>
      new WorkerLink(one, 10_000, {
        onLoad: () => {},
        onMessage: message => said.push(message),
        onStalled: () => {},
        onLost: why => lost.push(why),
      }),
  )
  first.say(GOOD[0])
  second.say(GOOD[0])
  await new Promise(resolve => setTimeout(resolve, 50))
  links[0]?.send({ do: 'tell', seq: 1, told: { hook: 'TS_LIFECYCLE_MSG_HOOK', facts: {} } })
  second.say(ANSWER)
  await new Promise(resolve => setTimeout(resolve, 100))
  t.same(said, [])
  t.equal(lost.length, 1)
  first.kill()
})
