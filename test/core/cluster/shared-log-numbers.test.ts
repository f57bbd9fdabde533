/** An entry keeps the number of its first attempt, over a lost connection and a restored Redis. */
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { startRedis } from '../../kit/stores.js'
import { listen } from '../../kit/tcp-server.js'
import { member, until } from './shared-log-kit.js'

type Lost = 'request' | 'answer'

/** A relay to Redis that ends each connection on which an entry is appended, while it is to lose the request or its answer. */
async function losingRelay(t: Test, url: string) {
  let lost: Lost | undefined
  let losses = 0
  const server = await listen(client => {
    const redis = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    server.own(redis)
    let losesAnswer = false
    const lose = (): void => {
      losses += 1
      client.destroy()
    }
    client.on('data', (bytes: Buffer) => {
      const isEntry = lost !== undefined && bytes.includes('XADD')
      if (isEntry && lost === 'request') return lose()
      losesAnswer ||= isEntry
      redis.write(bytes)
    })
    redis.on('data', (bytes: Buffer) => (losesAnswer ? lose() : client.write(bytes)))
    client.on('close', () => redis.destroy())
    redis.on('close', () => client.destroy())
  })
  t.teardown(() => server.stop())
  return {
    url: `redis://127.0.0.1:${server.port}`,
    lose: (what: Lost | undefined) => {
      lost = what
    },
    losses: () => losses,
  }
}

for (const lost of ['request', 'answer'] as const)
  test(`an entry whose ${lost} was lost keeps its number and its place in a restored Redis`, async t => {
    const redis = await startRedis()
    t.teardown(redis.stop)
    const relay = await losingRelay(t, redis.url)
    const [one, two] = [member(t, relay.url), member(t, redis.url)]
    one.log.append('kept', 1)
    await until(() => two.heard.length === 1)
    const restore = await redis.snapshot('portcullis:log')
    one.log.append('kept', 2)
    await until(() => two.heard.length === 2)
    relay.lose(lost)
    one.log.append('kept', 3)
    one.log.append('kept', 4)
    await until(() => relay.losses() > 1)
    await restore()
    await until(() => one.gaps() > 0 && two.gaps() > 0)
    relay.lose(undefined)
    await until(() => one.log.readySince !== undefined)
    const late = member(t, redis.url)
    await late.log.caughtUp
    const kept = (...entries: number[]) => entries.map(entry => ['kept', entry])
    await until(() => two.heard.length >= 6)
    t.strictSame(two.heard, kept(1, 2, 3, 1, 2, 4), 'a process that has read all along')
    t.strictSame(late.heard, kept(1, 3, 1, 2, 4), 'a process that begins later')
  })
