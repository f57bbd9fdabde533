/** A store that is connected and says nothing costs a bounded number of calls, and is found again. */
import { chmodSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Guard } from '../../plugins/session-store/guard.js'
import { redisStore } from '../../plugins/session-store/redis.js'
import type { Store } from '../../plugins/session-store/store.js'
import { secureProxy } from '../kit/secure-proxy.js'
import { makeKey, startRedis } from '../kit/stores.js'
import { freePort, listen } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'

const DEADLINE = 50
const never = new Promise<never>(() => {})

test('calls that are never answered are bounded', async t => {
  let calls = 0
  const call = (): Promise<never> => {
    calls++
    return never
  }
  const told: string[] = []
  const guard = new Guard({ get: call, set: call, delete: call, close: () => {} }, DEADLINE, text =>
    told.push(text),
  )
  for (let i = 0; i < 1500; i++) guard.set(`${i}`, Buffer.alloc(1), 1000)
  t.equal(calls, 1000)
  t.match(told, [/1000 calls wait for an answer/])
  t.equal(await guard.get('x', new AbortController().signal), undefined, 'who asks has found nothing')
  guard.delete('x')
  t.equal(calls, 1000)
})

test('calls that fail make room', async t => {
  let calls = 0
  const call = async (): Promise<never> => {
    calls++
    throw new Error('no')
  }
  const guard = new Guard({ get: call, set: call, delete: call, close: () => {} }, DEADLINE, () => {})
  for (let i = 0; i < 1500; i++) await guard.get('x', new AbortController().signal)
  t.equal(calls, 1500)
})

test('a call waits for the first connection to Redis, or for its failure', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const slow = await listen(client => {
    setTimeout(() => {
      const to = connect({ host: '127.0.0.1', port: Number(new URL(redis.url).port) })
      slow.own(to)
      client.pipe(to).pipe(client)
    }, 200)
  })
  t.teardown(slow.stop)
  const storeAt = (port: number): Store => {
    const store = redisStore(
      { url: `redis://127.0.0.1:${port}`, ca: undefined },
      { deadline: 5000, connectTimeout: 5000 },
      () => {},
    )
    t.teardown(() => store.close())
    return store
  }
  const store = storeAt(slow.port)
  await store.set('name', Buffer.from('kept'), 60_000)
  t.equal(`${await store.get('name')}`, 'kept')
  await t.rejects(storeAt(await freePort()).get('name'))
})

test('a Redis that has fallen silent is given up, and sought again', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const errors: unknown[] = []
  const store = redisStore(
    { url: redis.url, ca: undefined },
    { deadline: DEADLINE, connectTimeout: 1000 },
    cause => errors.push(cause),
  )
  t.teardown(() => store.close())
  const get = async (): Promise<string> => `${await store.get('name')}`
  const answers = (): Promise<boolean> =>
    get().then(
      () => true,
      () => false,
    )
  await poll(answers, 'the first connection')
  await redis.put('name', Buffer.from('value'))
  await sleep(1200)
  t.strictSame(errors, [], 'a connection that is not used stays')
  t.equal(await get(), 'value')
  redis.fallSilent(true)
  await t.rejects(get(), 'what it does not answer ends')
  redis.fallSilent(false)
  await poll(answers, 'another connection')
  t.equal(await get(), 'value')
})

test('a key file that others may read', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = dir.file('session.keys', makeKey())
  for (const mode of [0o604, 0o640]) {
    chmodSync(file, mode)
    const { proxy } = await secureProxy(t, [], {
      plugins: [`session_store store=memcached://127.0.0.1:1 key_file=${file}`],
    })
    const isTold = /ERROR.*key_file=.*every user of this machine may use it; chmod 600 it/.test(
      proxy.output(),
    )
    t.equal(isTold, mode === 0o604, mode.toString(8))
  }
})
