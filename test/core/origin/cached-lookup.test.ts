import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer, type LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { CachedLookup } from '../../../core/origin/cached-lookup.js'
import { dial } from '../../../core/origin/dial.js'

type Done = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

/** A resolver that answers when it is told to. */
function start(found = 60_000, failed = 1000) {
  const asked: { readonly name: string; readonly done: Done }[] = []
  const ttl = { found, failed }
  const cache = new CachedLookup({ found: () => ttl.found, failed: () => ttl.failed }, (name, _, done) =>
    asked.push({ name, done }),
  )
  const ask = (name: string, all = true) =>
    new Promise<unknown>(resolve =>
      cache.lookup(name, { all, family: 0 }, (error, address) =>
        resolve(error === null ? address : error.code),
      ),
    )
  return { cache, asked, ask, ttl }
}

const TWO: readonly LookupAddress[] = [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
]
const missing = Object.assign(new Error('x'), { code: 'ENOTFOUND' })

test('a name is looked up once', async t => {
  const { asked, ask } = start()
  const together = Promise.all([ask('a.example'), ask('A.example'), ask('a.example', false)])
  t.equal(asked.length, 1, 'for all who ask at once')
  asked[0]?.done(null, TWO)
  t.strictSame(await together, [TWO, TWO, '::1'])
  t.strictSame(await ask('a.example'), TWO)
  t.equal(asked.length, 1, 'and for those who ask later')
  void ask('b.example')
  t.equal(asked[1]?.name, 'b.example', 'another name is another question')
})

test('a failure is remembered for a short time', async t => {
  const { asked, ask } = start(60_000, 40)
  const first = ask('a.example')
  asked[0]?.done(missing, [])
  t.equal(await first, 'ENOTFOUND')
  t.equal(await ask('a.example'), 'ENOTFOUND')
  t.equal(asked.length, 1)
  await sleep(60)
  void ask('a.example')
  t.equal(asked.length, 2)
})

test('answers are forgotten', async t => {
  const { asked, ask, cache, ttl } = start(40)
  const answered = async (n: number, name = 'a.example'): Promise<void> => {
    const answer = ask(name)
    t.equal(asked.length, n)
    asked[n - 1]?.done(null, TWO)
    await answer
  }
  await answered(1)
  await sleep(60)
  await answered(2)
  ttl.found = 0
  await sleep(60)
  await answered(3)
  await answered(4)
  t.pass('after their time, which may be none')
  ttl.found = 60_000
  await answered(5)
  await answered(6, 'a.a.example')
  cache.forget('A.example')
  await answered(7)
  t.strictSame(await ask('a.a.example'), TWO, 'one alone when it was of no use')
  t.equal(asked.length, 7)
  cache.clear()
  await answered(8)
})

test('an answer can be changed by nobody', async t => {
  const { asked, ask } = start()
  const first = ask('a.example') as Promise<LookupAddress[]>
  asked[0]?.done(null, TWO)
  ;(await first).length = 0
  t.strictSame(await ask('a.example'), TWO)
})

test('a dial tells of names whose addresses take no connection', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const told: string[] = []
  const to = (host: string, lookup: LookupFunction) =>
    dial(
      { host, port },
      { connectTimeout: 2000, lookup, onUnreachable: name => told.push(name) },
      new AbortController().signal,
    )
  const here: LookupFunction = (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }])
  ;(await to('up.example', here)).destroy()
  server.close()
  await once(server, 'close')
  await t.rejects(to('down.example', here), { code: 'PTC_CONNECT_REFUSED' })
  await t.rejects(
    to('nobody.example', (_name, _options, done) => done(missing, [])),
    { code: 'PTC_DNS_FAILED' },
  )
  t.strictSame(told, ['down.example'])
})
