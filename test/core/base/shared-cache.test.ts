import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { SharedCache } from '../../../core/base/shared-cache.js'

test('a network that has most loses what it has not used for longest', async t => {
  const gone: string[] = []
  const cache = new SharedCache<string, string>({ max: 4, dispose: value => gone.push(value) })
  cache.set('mine', 'mine', 'few')
  for (const key of ['1', '2', '3']) cache.set(key, key, 'many')
  t.equal(cache.get('1', 'many'), '1')
  for (const key of ['4', '5']) cache.set(key, key, 'many')
  t.same(gone, ['2', '3'])
  for (let i = 6; i < 1000; i++) cache.set(`${i}`, `${i}`, 'many')
  t.equal(cache.get('mine', 'few'), 'mine', 'whatever one asks for')
  t.equal(cache.size, 4)
})

test('entries move to the account of a network with fewer entries that uses them', async t => {
  const cache = new SharedCache<string, number>({ max: 4 })
  for (const key of ['popular', '2', '3', '4']) cache.set(key, 1, 'many')
  t.equal(cache.get('popular', 'few'), 1)
  for (let i = 0; i < 100; i++) cache.set(`many ${i}`, 1, 'many')
  t.equal(cache.get('popular', 'few'), 1, 'and is not pushed out with what the other has')
  t.equal(cache.get('popular', 'many'), 1)
  for (let i = 0; i < 100; i++) cache.set(`again ${i}`, 1, 'many')
  t.equal(cache.get('popular', 'few'), 1, 'a network with more does not take it')
})

test('entries end, are replaced and deleted once', async t => {
  const gone: number[] = []
  const cache = new SharedCache<string, number>({ max: 2, dispose: value => gone.push(value) })
  cache.set('a', 1, '')
  cache.set('a', 2, '')
  t.same(gone, [1])
  t.ok(cache.delete('a'))
  t.notOk(cache.delete('a'))
  cache.set('short', 3, '', 10)
  t.ok(cache.timeLeft('short') > 0)
  await sleep(20)
  t.same([...cache.entries()], [])
  t.equal(cache.timeLeft('short'), 0)
  t.equal(cache.peek('short'), undefined)
  cache.set('b', 4, '')
  t.same([...cache.entries()], [['b', 4]])
  cache.clear()
  t.same(gone, [1, 2, 3, 4])
  t.equal(cache.size, 0)
})
