/** Items that processes of a fleet share in a real Redis: only one that was sealed for its own name is found. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { StoreKeys } from '../../../core/base/store-keys.js'
import { redisClient } from '../../../core/cluster/fleet/link.js'
import { SharedItems, type SharedItemsOptions } from '../../../core/cluster/fleet/shared-items.js'
import { makeKey, startRedis } from '../../kit/stores.js'
import { poll } from '../../kit/watch.js'

const KEY = makeKey()
const LIFE = 60_000

function items(t: Test, url: string, change: Partial<SharedItemsOptions> = {}, key = KEY): SharedItems {
  const client = redisClient({ url }, 30_000, () => undefined)
  t.teardown(() => client.destroy())
  return new SharedItems({
    client,
    keys: StoreKeys.fromKeys(key, 'cluster'),
    prefix: 'portcullis:',
    limit: 10_000,
    lives: { verdict: LIFE, session: LIFE },
    readySince: () => 1,
    onSlow: () => undefined,
    onRefused: () => undefined,
    ...change,
  })
}

/** A Redis in which a store has put one item, `of a` under `a`: it is put again until the store is connected. */
async function stored(t: Test, change: Partial<SharedItemsOptions> = {}) {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const store = items(t, redis.url, change)
  await poll(async () => {
    store.set('verdict', 'a', Buffer.from('of a'), LIFE)
    return (await redis.all()).size > 0
  }, 'the first item')
  return { redis, store }
}

/** The texts that are found. */
const texts = async (store: SharedItems, ...ids: string[]): Promise<(string | undefined)[]> =>
  (await store.get('verdict', ids)).map(bytes => bytes?.toString())

test('an item is found under its id alone, sealed, until it ends', async t => {
  const { redis, store: one } = await stored(t)
  const two = items(t, redis.url)
  await poll(async () => (await texts(two, 'a'))[0] === 'of a', 'the second store to be connected')
  one.set('verdict', 'b', Buffer.from('of b'), LIFE)
  await poll(async () => (await redis.all()).size === 2, 'both items')
  t.same(await texts(two, 'b', 'none', 'a'), ['of b', undefined, 'of a'])
  t.equal(await two.take('session', 'a'), undefined, 'of its kind')
  t.equal((await two.take('verdict', 'a'))?.toString(), 'of a')
  t.same(await texts(one, 'a'), [undefined], 'an item that was taken is gone')
  one.set('verdict', 'short', Buffer.from('short'), 30)
  await sleep(60)
  t.same(await texts(two, 'short'), [undefined])
  one.delete('verdict', ['b', 'none'])
  await poll(async () => (await redis.all()).size === 0, 'nothing to be left')
})

test('an item that was forged, moved, cut or sealed with another key is not found', async t => {
  const { redis, store } = await stored(t)
  const [[name = '', bytes = Buffer.alloc(0)] = []] = [...(await redis.all())]
  store.set('verdict', 'b', Buffer.from('of b'), LIFE)
  store.set('session', 'a', Buffer.from('session of a'), LIFE)
  await poll(async () => (await redis.all()).size === 3, 'three items')
  const others = [...(await redis.all())].filter(([other]) => other !== name)
  for (const [i, [, other]] of others.entries()) {
    await redis.put(name, other)
    t.same(await texts(store, 'a'), [undefined], `moved ${i}`)
  }
  for (const length of [0, 1, 16, 32, 33, bytes.length - 1]) {
    await redis.put(name, bytes.subarray(0, length))
    t.same(await texts(store, 'a'), [undefined], `cut at ${length}`)
  }
  for (let at = 0; at < bytes.length; at++) {
    const forged = Buffer.from(bytes)
    forged[at] = (forged[at] ?? 0) ^ 1
    await redis.put(name, forged)
    t.same(await texts(store, 'a'), [undefined], `byte ${at} changed`)
  }
  await redis.put(name, bytes)
  t.same(await texts(store, 'a'), ['of a'], 'the item itself is found')
  const stranger = items(t, redis.url, {}, makeKey())
  await poll(async () => {
    stranger.set('verdict', 'a', Buffer.from('forged'), LIFE)
    return (await redis.all()).size === 4
  }, 'the item of another key, which has another name')
  t.same(await texts(stranger, 'a'), ['forged'])
  t.same(await texts(store, 'a'), ['of a'])
})

test('of an item that is longer than any of a proxy, only a part is read', async t => {
  const { redis, store } = await stored(t)
  const [name = ''] = (await redis.all()).keys()
  const sent = async () =>
    Number(/total_net_output_bytes:(\d+)/.exec(String(await redis.send('INFO', 'stats')))?.[1])
  await redis.put(name, Buffer.alloc(20_000_000))
  const before = await sent()
  t.same(await texts(store, 'a'), [undefined])
  t.equal(await store.take('verdict', 'a'), undefined)
  t.ok((await sent()) - before < 1_000_000)
})

test('an item has another name for a store with a new key in front, which does not find it', async t => {
  const { redis, store } = await stored(t)
  const next = items(t, redis.url, {}, makeKey() + KEY)
  await poll(async () => {
    next.set('verdict', 'b', Buffer.from('of b'), LIFE)
    return (await texts(next, 'b'))[0] === 'of b'
  }, 'the store with the new key to be connected')
  t.same(await texts(next, 'a'), [undefined])
  t.same(await texts(store, 'a'), ['of a'], 'it is still there')
})

test('a Redis that is silent costs the limit a few times, and then nothing for a while', async t => {
  let slow = 0
  const { redis, store } = await stored(t, { limit: 20, onSlow: () => (slow += 1) })
  redis.fallSilent(true)
  for (let i = 0; i < 3; i++) {
    t.type(store.readySince, 'number')
    const since = performance.now()
    t.same(await texts(store, 'a'), [])
    t.ok(performance.now() - since >= 19)
  }
  t.equal(store.readySince, undefined, 'it rests')
  t.equal(slow, 1)
  redis.fallSilent(false)
  await poll(() => store.readySince !== undefined, 'the rest to end')
  await poll(async () => (await texts(store, 'a'))[0] === 'of a', 'the item')
})
