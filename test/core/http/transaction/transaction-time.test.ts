import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import {
  type TimedOwner,
  type TimeLimits,
  TransactionTime,
} from '../../../../core/http/transaction/transaction-time.js'
import { clientOf, FakeClientLink } from '../../../kit/fake-client.js'
import { poll } from '../../../kit/watch.js'

function timeOf(limits: TimeLimits, owner: Partial<TimedOwner> = {}) {
  const said: string[] = []
  const client = clientOf(new FakeClientLink())
  const make = (name: string): TransactionTime => {
    const time = new TransactionTime(client, () => limits, {
      get waitsForClient() {
        return owner.waitsForClient ?? false
      },
      onIdle: limit => said.push(`${name} stood still for ${limit}`),
      onTooLong: limit => said.push(`${name} took longer than ${limit}`),
      fail: cause => said.push(`${name} failed: ${cause}`),
    })
    time.begin()
    return time
  }
  return { said, client, make }
}

test('the idle limit fires only while bytes are expected', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 300, activeTimeout: 0 })
  const time = make('a')
  time.moved()
  await sleep(400)
  t.same(said, [], 'no bytes are expected yet')
  time.start()
  for (let i = 0; i < 20; i++) {
    await sleep(20)
    time.moved()
  }
  time.stop()
  await sleep(400)
  t.same(said, [])
  time.start()
  await sleep(500)
  t.same(said, ['a stood still for 300'])
  client.stopClocks()
})

test('the active limit fires although bytes move', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 1000, activeTimeout: 60 })
  const time = make('a')
  time.start()
  for (let i = 0; i < 10; i++) {
    await sleep(15)
    time.moved()
  }
  t.same(said, ['a took longer than 60'])
  client.stopClocks()
})

test('a finished transaction gets no limits and leaves those of the next one', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 40, activeTimeout: 2000 })
  const first = make('first')
  first.start()
  first.over()
  await sleep(100)
  t.same(said, [])
  const second = make('second')
  second.start()
  first.stop()
  first.start()
  first.moved()
  await poll(() => said.length > 1, 'both limits')
  t.same(said, ['second stood still for 40', 'second took longer than 2000'])
  client.stopClocks()
})

test('a transaction that begins before the end of the previous one keeps its limits', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 40, activeTimeout: 2000 })
  const first = make('first')
  first.start()
  const second = make('second')
  second.start()
  first.over()
  second.moved()
  await poll(() => said.length > 1, 'both limits')
  t.same(said, ['second stood still for 40', 'second took longer than 2000'])
  client.stopClocks()
})

test('a client has a time of its own while it is waited for', async t => {
  const limits = { idleTimeout: 10_000, clientIdleTimeout: 40 }
  const owner = { waitsForClient: true }
  const { said, client, make } = timeOf(limits, owner)
  make('a').start()
  await sleep(150)
  t.same(said, ['a stood still for 40'])
  owner.waitsForClient = false
  make('b').start()
  await sleep(150)
  t.same(said.length, 1, 'the origin has more')
  client.stopClocks()
})
