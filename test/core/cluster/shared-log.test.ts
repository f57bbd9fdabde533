/** What proxies tell one another over a real Redis. */
import { isDeepStrictEqual } from 'node:util'
import { type Test, test } from 'tap'
import { StoreKeys } from '../../../core/base/store-keys.js'
import { SharedLog } from '../../../core/cluster/fleet/shared-log.js'
import { makeKey, startRedis } from '../../kit/stores.js'
import { poll } from '../../kit/watch.js'

const KEYS = makeKey()

function member(t: Test, url: string, text = KEYS) {
  const heard: unknown[] = []
  const states: (string | undefined)[] = []
  let gaps = 0
  const log = new SharedLog({
    url,
    keys: StoreKeys.fromKeys(text, 'cluster'),
    prefix: 'portcullis:',
    isRepeated: topic => topic === 'kept',
    onEntry: (topic, entry) => heard.push([topic, entry]),
    onGap: () => {
      gaps += 1
    },
    onState: lost => states.push(lost),
  })
  t.teardown(() => log.close())
  return { log, heard, states, gaps: () => gaps }
}

/** The condition is the text of the error. */
const until = (isSo: () => boolean): Promise<true> => poll(isSo, String(isSo))

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
  t.strictSame(one.heard, [], 'its own are not told to it')
  t.equal(one.gaps() + two.gaps() + late.gaps(), 0)
})

test('what another key has sealed, or none, is passed over', async t => {
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

test('a Redis that has lost its memory is noticed, and what waited is told', async t => {
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

test('a Redis that was restored from an older snapshot is noticed, and told again what must not be lost', async t => {
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
  t.ok(late.gaps() > 0, 'and it is told that entries are missing')
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
  const later = await poll(() => log.readySince, 'it to be told')
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
