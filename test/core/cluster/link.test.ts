import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { redisClient } from '../../../core/cluster/fleet/link.js'
import { requireProgram } from '../../kit/programs.js'
import { startRedis } from '../../kit/stores.js'
import { poll } from '../../kit/watch.js'

const SILENCE = 500

test('a Redis that answers nothing is left, also while commands are sent to it, and found again', async t => {
  requireProgram('redis-server')
  const redis = await startRedis()
  t.teardown(redis.stop)
  const errors: unknown[] = []
  const client = redisClient({ url: redis.url }, SILENCE, cause => errors.push(cause))
  t.teardown(() => client.destroy())
  await once(client, 'ready')
  redis.fallSilent(true)
  let ended: unknown
  while (ended === undefined) {
    client.get('a').catch((cause: unknown) => {
      ended = cause
    })
    await sleep(SILENCE / 5)
  }
  t.type(ended, Error)
  t.ok(errors.some(cause => /no answer in 500 ms/.test(String(cause))))
  redis.fallSilent(false)
  await poll(() => client.isReady, 'a connection')
  t.equal(await client.set('a', 'b').then(String), 'OK')
})
