/** The log of a fleet over a real Redis. */
import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import { EntryNumbers } from '../../../core/cluster/fleet/stream-entries.js'
import { makeKey, type RunningRedis, startRedis } from '../../kit/stores.js'
import { moveDate } from '../../kit/wall-clock.js'
import { poll } from '../../kit/watch.js'
import { member, until } from './shared-log-kit.js'

test('entries reach all others in their order, also those that come later', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const one = member(t, redis.url)
  const two = member(t, redis.url)
  for (let i = 0; i < 1200; i++) one.log.append('count', i)
  await until(() => two.heard.length === 1200)
  const expected = Array.from({ length: 1200 }, (_, i) => ['count', i])
  t.strictSame(two.heard, expected)
  const late = member(t, redis.url)
  await until(() => late.heard.length === 1200)
  t.strictSame(late.heard, expected)
  t.strictSame(one.heard, [], 'its own do not come back')
  t.equal(one.gaps() + two.gaps() + late.gaps(), 0)
})

test('an entry that is not sealed with the key is passed over', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const stranger = member(t, redis.url, makeKey())
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  stranger.log.append('forged', 1)
  await redis.add('portcullis:log', 'b', Buffer.from('{"topic":"forged"}'))
  one.log.append('real', 2)
  await until(() => two.heard.length > 0)
  t.strictSame(two.heard, [['real', 2]])
})

test('a Redis that has lost its memory is noticed, and entries that waited are sent', async t => {
  const redis = await startRedis()
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('before', 1)
  await until(() => two.heard.length === 1)
  await redis.stop()
  await until(() => one.states.length > 0 && two.states.length > 0)
  one.log.append('meanwhile', 2)
  const again = await startRedis(Number(new URL(redis.url).port))
  t.teardown(again.stop)
  await until(() => two.heard.length === 2)
  t.strictSame(two.heard.at(-1), ['meanwhile', 2])
  t.equal(two.gaps(), 1, 'entries of others may be gone with it')
  await until(() => one.gaps() === 1)
  t.strictSame(two.states.at(-1), undefined)
})

test('a Redis that was restored from an older snapshot is noticed, and gets entries again that must not be lost', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('kept', 1)
  await until(() => two.heard.length === 1)
  const restore = await redis.snapshot('portcullis:log')
  one.log.append('kept', 2)
  one.log.append('lost', 3)
  await until(() => two.heard.length === 3)
  t.equal(one.gaps() + two.gaps(), 0)
  await restore()
  await until(() => one.gaps() > 0 && two.gaps() > 0)
  const late = member(t, redis.url)
  await until(() => late.heard.some(entry => JSON.stringify(entry) === '["kept",2]'))
  t.notMatch(JSON.stringify(late.heard), '"lost"')
  t.ok(late.gaps() > 0, 'and it is notified that entries are missing')
})

test('a connection that is lost and made again is no gap', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('kept', 1)
  await until(() => two.heard.length === 1)
  await (await redis.snapshot('portcullis:log'))()
  await until(() => one.states.includes(undefined) && two.states.includes(undefined))
  t.match(one.states, [String, undefined], 'its start is no loss')
  one.log.append('kept', 2)
  await until(() => two.heard.length === 2)
  t.equal(one.gaps() + two.gaps(), 0)
})

test('more than can wait for Redis is a gap to the others', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('first', 1)
  await until(() => two.heard.length === 1)
  // The write of the first of these is in flight when the last comes.
  for (let i = 0; i < 10_050; i++) one.log.append('count', i)
  await until(() => isDeepStrictEqual(two.heard.at(-1), ['count', 10_049]))
  t.ok(two.heard.length >= 9_999)
  t.ok(two.gaps() > 0)
})

test('a process knows since when it has heard all, and can be heard', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const before = Date.now()
  const { log } = member(t, redis.url)
  t.equal(log.readySince, undefined, 'not before it has read')
  const since = await poll(() => log.readySince, 'it to be ready')
  t.ok(since >= before && since <= Date.now())
  log.append('other', 1)
  t.equal(log.readySince, since, 'what may be lost changes nothing')
  log.append('kept', 2)
  t.equal(log.readySince, undefined, 'what must not be lost waits')
  const later = await poll(() => log.readySince, 'it to be appended')
  t.ok(later >= since)
  redis.fallSilent(true)
  await until(() => log.readySince === undefined)
  log.append('kept', 3)
  const silent = Date.now()
  redis.fallSilent(false)
  t.ok(
    (await poll(() => log.readySince, 'Redis to be back')) >= silent,
    'what is made meanwhile counts for nothing',
  )
})

test('each process numbers its entries', async t => {
  const numbers = new EntryNumbers()
  const seen = (writer: string, ...all: number[]) => all.map(number => numbers.see(writer, number))
  t.strictSame(seen('a', 7, 8, 8, 10, 9, 11), ['next', 'next', 'again', 'gap', 'again', 'next'])
  t.strictSame(seen('b', 1, 3), ['next', 'gap'], 'each its own')
})

/** The first sealed entry. */
async function firstOf(redis: RunningRedis): Promise<Buffer> {
  const [[, [, sealed]]] = (await redis.send('XRANGE', 'portcullis:log', '-', '+')) as [
    [Buffer, [Buffer, Buffer]],
  ]
  return sealed
}

test('an entry that is put there again is passed over', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('count', 1)
  await until(() => two.heard.length === 1)
  const sealed = await firstOf(redis)
  await redis.add('portcullis:log', 'b', sealed)
  one.log.append('count', 2)
  await until(() => two.heard.length === 2)
  t.strictSame(two.heard.at(-1), ['count', 2])
  // A process that begins now has heard none: what an entry says of its time has to fit.
  await redis.send('DEL', 'portcullis:log')
  await redis.send('XADD', 'portcullis:log', `${Date.now() - 3_600_000}-0`, 'b', sealed)
  one.log.append('count', 3)
  const late = member(t, redis.url)
  await until(() => late.heard.length > 0)
  t.strictSame(late.heard, [['count', 3]])
})

test('a stream that is shorter than it was is noticed while the connections last', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('kept', 1)
  await until(() => two.heard.length === 1)
  await redis.send('DEL', 'portcullis:log')
  await until(() => one.gaps() > 0 && two.gaps() > 0)
  const late = member(t, redis.url)
  await until(() => late.heard.length > 0)
  t.same(late.heard, [['kept', 1]], 'it is appended again')
})

test('after an entry of the future is deleted, all processes read on', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  one.log.append('count', 1)
  await until(() => two.heard.length === 1)
  await redis.send('XADD', 'portcullis:log', '99999999999999-0', 'b', 'x')
  await until(() => /of the future: DEL portcullis:log/.test(two.states.at(-1) ?? ''))
  t.equal(two.log.readySince, undefined)
  await redis.send('DEL', 'portcullis:log')
  await until(() => two.gaps() > 0 && one.log.readySince !== undefined)
  one.log.append('kept', 2)
  await until(() => JSON.stringify(two.heard.at(-1)) === '["kept",2]')
})

test('a process whose clock is wrong goes on alone, and its revocations are heard', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const [one, two] = [member(t, redis.url), member(t, redis.url)]
  await until(() => one.log.readySince !== undefined && two.log.readySince !== undefined)
  moveDate(t, 120_000)
  await until(() => one.log.readySince === undefined)
  await until(() => /clock of this machine differs by 1\d\d s/.test(one.states.at(-1) ?? ''))
  one.log.append('count', 1)
  one.log.append('kept', 2)
  await until(() => two.heard.length > 0)
  t.same(two.heard, [['kept', 2]])
})
