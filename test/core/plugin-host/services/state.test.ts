import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { SharedServices } from '../../../../core/plugin-host/services/services.js'
import { NO_FETCH } from '../../../kit/names.js'

const WRONG = { code: 'PTC_PLUGIN_CALL' }

test('a store keeps copies of values, for one plugin', async t => {
  const services = new SharedServices()
  const { state } = services.of('one', NO_FETCH)
  const value = { a: [1] }
  await state.set('k', value)
  value.a.push(2)
  t.same(await state.get('k'), { a: [1] })
  t.same(await services.of('one', NO_FETCH).state.get('k'), { a: [1] }, 'after a reload')
  t.equal(await services.of('two', NO_FETCH).state.get('k'), undefined, 'another plugin has its own')
  t.equal(await state.add('k', 1), false)
  t.equal(await state.add('new', null), true)
  t.equal(await state.get('new'), null)
  t.same([...(await state.keys('n'))], ['new'])
  t.equal(await state.delete('k'), true)
  t.equal(await state.delete('k'), false)
  t.same(
    [await state.increment('n'), await state.increment('n', 2.5), await state.increment('n', -1)],
    [1, 3.5, 2.5],
  )
})

test('what has a ttl is gone after it', async t => {
  const { state } = new SharedServices().of('one', NO_FETCH)
  await state.set('short', 1, { ttl: 20 })
  await state.increment('sum', 1, { ttl: 20 })
  await state.increment('sum', 1, { ttl: 100_000 })
  await state.set('long', 1, { ttl: 100_000 })
  await sleep(60)
  t.equal(await state.get('short'), undefined)
  t.equal(await state.increment('sum'), 1, 'the time counts from the first value')
  t.equal(await state.add('short', 2), true)
  t.equal(await state.get('long'), 1)
})

test('a store has a bound, and drops what was used longest ago', async t => {
  const { state } = new SharedServices().of('one', NO_FETCH)
  const big = 'x'.repeat(65_000)
  await state.set('first', big)
  for (let i = 0; i < 200; i++) await state.set(`k${i}`, big)
  t.equal(await state.get('first'), undefined)
  t.equal(await state.get('k199'), big)
  const { state: many } = new SharedServices().of('two', NO_FETCH)
  for (let i = 0; i < 10_001; i++) await many.set(`k${i}`, i)
  t.equal(await many.get('k0'), undefined)
  t.equal((await many.keys()).length, 1000, 'keys are listed up to a bound')
})

test('what cannot be kept is refused', async t => {
  const { state } = new SharedServices().of('one', NO_FETCH)
  const anything = state as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const cycle: Record<string, unknown> = {}
  cycle['it'] = cycle
  for (const [call = '', ...args] of [
    ['get', ''],
    ['get', 1],
    ['get', 'x'.repeat(513)],
    ['set', 'k', undefined],
    ['set', 'k', () => 1],
    ['set', 'k', cycle],
    ['set', 'k', 'x'.repeat(65_535)],
    ['set', 'k', 1, { ttl: 0 }],
    ['set', 'k', 1, { ttl: 'long' }],
    ['increment', 'k', Number.NaN],
    ['keys', 1],
  ] as [string, ...unknown[]][])
    await t.rejects(
      anything[call]?.(...args) ?? Promise.resolve(),
      WRONG,
      `${call} ${String(args[0]).slice(0, 9)}`,
    )
  await state.set('word', 'a')
  await t.rejects(state.increment('word'), WRONG)
  t.equal(await state.get('word'), 'a')
})
