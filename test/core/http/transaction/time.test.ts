import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { TransactionTime } from '../../../../core/http/transaction/time.js'
import { clientOf, FakeClientLink } from '../../../kit/fake-client.js'

function timeOf(limits: { idleTimeout: number; activeTimeout: number }) {
  const said: string[] = []
  const client = clientOf(new FakeClientLink())
  const make = (name: string): TransactionTime => {
    const time = new TransactionTime(client, () => limits, {
      onIdle: limit => said.push(`${name} stood still for ${limit}`),
      onTooLong: limit => said.push(`${name} took longer than ${limit}`),
      fail: cause => said.push(`${name} failed: ${cause}`),
    })
    time.begin()
    return time
  }
  return { said, client, make }
}

test('tells what stands still, while somebody is expected to move', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 300, activeTimeout: 0 })
  const time = make('a')
  time.moved()
  await sleep(400)
  t.same(said, [], 'nobody is expected to move yet')
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

test('tells what takes too long, however much moves', async t => {
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

test('what is over hears nothing, and takes no time from the next one', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 40, activeTimeout: 60 })
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
  await sleep(150)
  t.same(said, ['second stood still for 40', 'second took longer than 60'])
  client.stopClocks()
})

test('one that begins before the other is over keeps its time', async t => {
  const { said, client, make } = timeOf({ idleTimeout: 40, activeTimeout: 60 })
  const first = make('first')
  first.start()
  const second = make('second')
  second.start()
  first.over()
  second.moved()
  await sleep(150)
  t.same(said, ['second stood still for 40', 'second took longer than 60'])
  client.stopClocks()
})
