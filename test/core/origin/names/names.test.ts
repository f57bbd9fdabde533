import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import { Names, type NamesOptions } from '../../../../core/origin/names/names.js'
import type { Outcome } from '../../../../core/origin/names/source.js'
import { heldSource } from '../../../kit/names.js'

const CACHE = { found: 60_000, failed: 2000, maxBytes: 1_000_000 }

/** The test's end ends every question. */
function start(
  t: Test,
  options: Partial<NamesOptions> = {},
  limits = { total: 100, perClient: 10 },
  canCancel = true,
) {
  const over = new AbortController()
  setMaxListeners(0, over.signal)
  t.teardown(() => over.abort())
  const source = heldSource(limits, canCancel)
  const names = new Names({ source, hostFile: new Map(), timeout: 60_000, cache: CACHE, ...options })
  /** What a caller gets: addresses, or the code of the error. */
  const ask = (name: string, client = 'a', signal = over.signal): Promise<string> =>
    names.resolve(name, client, signal).then(
      found => found.map(({ address }) => address).join(' '),
      (error: ProxyError) => error.code,
    )
  return { source, names, ask, asked: source.asked }
}

const found = (...addresses: string[]): Outcome => ({ addresses, ttl: 30_000 })

test('one question serves all callers that ask for a name at once', async t => {
  const { asked, ask, source } = start(t)
  const answers = Promise.all([ask('a.example'), ask('A.example', 'b'), ask('a.example')])
  t.equal(asked.length, 1)
  t.equal(source.shares.used, 1)
  await asked[0]?.answer(found('::1', '127.0.0.1'))
  t.strictSame(await answers, Array(3).fill('::1 127.0.0.1'))
  t.equal(source.shares.used, 0)
  t.equal(await ask('a.example'), '::1 127.0.0.1')
  t.equal(asked.length, 1, 'and those who ask later')
})

test('an answer is used as long as its TTL says, and not longer than the limit', async t => {
  const { asked, ask } = start(t, { cache: { ...CACHE, found: 1000 } })
  const again = async (ttl: number | undefined, wait: number): Promise<boolean> => {
    const name = `n${asked.length}.example`
    const first = ask(name)
    const open = asked.at(-1)
    await open?.answer({ addresses: ['192.0.2.1'], ttl })
    await first
    await sleep(wait)
    void ask(name)
    return asked.at(-1) !== open
  }
  t.equal(await again(0, 0), true, 'a TTL of 0 is not kept')
  t.equal(await again(50, 80), true, 'the TTL has passed')
  t.equal(await again(60_000, 0), false, 'kept')
  t.equal(await again(60_000, 1050), true, 'the limit has passed')
  t.equal(await again(undefined, 0), false, 'the source tells no TTL')
})

test('failures are remembered for a short time', async t => {
  const { asked, ask } = start(t, { cache: { ...CACHE, failed: 500 } })
  const first = ask('none.example')
  await asked[0]?.answer({ failed: 'ENOTFOUND' })
  t.equal(await first, 'PTC_DNS_FAILED')
  t.equal(await ask('none.example'), 'PTC_DNS_FAILED')
  t.equal(asked.length, 1)
  await sleep(550)
  void ask('none.example')
  t.equal(asked.length, 2)
})

test('a caller that leaves is not waited for', async t => {
  const { asked, ask, source } = start(t)
  const [one, other] = [new AbortController(), new AbortController()]
  const gone = new ProxyError('PTC_CLIENT_GONE', 'left')
  const first = ask('a.example', 'a', one.signal)
  const second = ask('a.example', 'b', other.signal)
  one.abort(gone)
  t.equal(await first, 'PTC_CLIENT_GONE')
  t.equal(asked[0]?.isCancelled, false, 'another one waits for the answer')
  other.abort(gone)
  t.equal(await second, 'PTC_CLIENT_GONE')
  t.equal(asked[0]?.isCancelled, true)
  await sleep(0)
  t.equal(source.shares.used, 0)
  void ask('a.example')
  t.equal(asked.length, 2, 'what was cancelled is neither joined nor remembered')
  t.equal(await ask('b.example', 'a', AbortSignal.abort(gone)), 'PTC_CLIENT_GONE')
  t.equal(asked.length, 2)
})

test('a caller that leaves before its turn asks nothing', async t => {
  const { asked, ask, source } = start(t, {}, { total: 100, perClient: 1 })
  void ask('a.example')
  const abort = new AbortController()
  const waiting = ask('b.example', 'a', abort.signal)
  abort.abort(new ProxyError('PTC_CLIENT_GONE', 'left'))
  t.equal(await waiting, 'PTC_CLIENT_GONE')
  t.equal(source.shares.waiting, 0)
  await asked[0]?.answer(found('::1'))
  t.equal(asked.length, 1)
})

test('a question that its first caller has left counts against the next one', async t => {
  const { asked, ask } = start(t, {}, { total: 100, perClient: 1 })
  const abort = new AbortController()
  void ask('a.example', 'a', abort.signal)
  void ask('a.example', 'b')
  abort.abort(new ProxyError('PTC_CLIENT_GONE', 'left'))
  void ask('c.example', 'a')
  t.equal(asked.length, 2, 'the first client may ask again')
  void ask('d.example', 'b')
  t.equal(asked.length, 2, 'the other one may not')
})

test('a client that waits for its turn holds up no other client', async t => {
  const { asked, ask } = start(t, {}, { total: 100, perClient: 1 })
  void ask('silent.example', 'a')
  const queued = ask('good.example', 'a')
  const other = ask('good.example', 'b')
  t.equal(asked.at(-1)?.name, 'good.example', 'the other one asks for the same name at once')
  await asked.at(-1)?.answer(found('::1'))
  t.equal(await other, '::1')
  await asked[0]?.answer({ failed: 'ENOTFOUND' })
  t.equal(await queued, '::1', 'and the first one hears of it')
  t.equal(asked.length, 2)
})

test('an answer that does not come in time', async t => {
  const { asked, ask, source } = start(t, { timeout: 40 }, { total: 100, perClient: 1 })
  t.strictSame(
    await Promise.all([ask('silent.example'), ask('queued.example')]),
    ['PTC_DNS_TIMEOUT', 'PTC_DNS_TIMEOUT'],
    'the wait for a turn counts',
  )
  t.equal(asked[0]?.isCancelled, true)
  await sleep(0)
  t.equal(source.shares.used, 0)
  t.equal(await ask('silent.example'), 'PTC_DNS_TIMEOUT')
  t.equal(asked.filter(({ name }) => name === 'silent.example').length, 1, 'silence is remembered')
  void ask('queued.example')
  t.equal(asked.at(-1)?.name, 'queued.example', 'a name that was not asked for is not')
})

test('a question that cannot be cancelled keeps its share until its end', async t => {
  const { asked, ask, source } = start(t, { timeout: 40 }, { total: 2, perClient: 1 }, false)
  t.equal(await ask('silent.example'), 'PTC_DNS_TIMEOUT')
  t.equal(source.shares.used, 1)
  const other = ask('a.example', 'b')
  await asked.at(-1)?.answer(found('::1'))
  t.equal(await other, '::1', 'another client has a share left')
  await asked[0]?.answer(found('::1'))
  t.equal(source.shares.used, 0)
})

test('names that nothing is asked about', async t => {
  const { asked, ask, names } = start(t, {
    hostFile: new Map([
      ['mine.example', ['192.0.2.1', '2001:db8::1']],
      ['both.example', ['192.0.2.1']],
    ]),
    systemHosts: () =>
      new Map([
        ['both.example', ['192.0.2.2']],
        ['theirs.example', ['192.0.2.2']],
        ['odd.localhost', ['192.0.2.3']],
        ['one.localhost', ['127.0.0.7']],
      ]),
  })
  t.equal(await ask('Mine.Example'), '192.0.2.1 2001:db8::1', 'of the host file')
  t.equal(await ask('mine.example.'), '192.0.2.1 2001:db8::1', 'with a dot')
  t.equal(await ask('both.example'), '192.0.2.1', 'it comes before that of the system')
  t.equal(await ask('THEIRS.example'), '192.0.2.2')
  t.equal(await ask('localhost'), '::1 127.0.0.1')
  t.equal(await ask('a.b.localhost.'), '::1 127.0.0.1')
  t.equal(await ask('odd.localhost'), '::1 127.0.0.1', 'RFC 6761: never elsewhere')
  t.equal(await ask('one.localhost'), '127.0.0.7')
  t.equal(await ask('x.invalid'), 'PTC_DNS_FAILED')
  t.equal(await ask('x.onion'), 'PTC_DNS_FAILED')
  t.equal(await ask('x'.repeat(300)), 'PTC_DNS_FAILED')
  t.equal(asked.length, 0)
  t.strictSame(names.known('both.example'), ['192.0.2.1'])
  t.equal(names.known('a.example'), undefined)
})

test('memory is bounded', async t => {
  const maxBytes = 100_000
  const { asked, ask } = start(t, { cache: { ...CACHE, maxBytes } })
  for (let i = 0; i < 2000; i += 1) {
    const answer = ask(`${i}.${'x'.repeat(60)}.example`)
    await asked.at(-1)?.answer(found('192.0.2.1'))
    await answer
  }
  const count = asked.length
  void ask(`1999.${'x'.repeat(60)}.example`)
  t.equal(asked.length, count, 'the youngest is known')
  void ask(`0.${'x'.repeat(60)}.example`)
  t.equal(asked.length, count + 1, 'the oldest is not')
})

test('a name whose addresses were of no use is asked for anew', async t => {
  const { asked, ask, names } = start(t)
  for (const name of ['a.example', 'b.a.example']) {
    const answer = ask(name)
    await asked.at(-1)?.answer(found('192.0.2.1'))
    await answer
  }
  names.forget('A.example')
  void ask('a.example')
  t.equal(asked.length, 3)
  t.equal(await ask('b.a.example'), '192.0.2.1')
  names.close()
  void ask('b.a.example')
  t.equal(asked.length, 4)
})

test('other name servers have other answers', async t => {
  const { asked, ask, source } = start(t)
  const first = ask('a.example')
  await asked[0]?.answer(found('192.0.2.1'))
  t.equal(await first, '192.0.2.1')
  const old = ask('b.example')
  source.epochs.value = 1
  const second = ask('a.example')
  const other = ask('b.example')
  t.equal(asked.length, 4)
  await asked[2]?.answer(found('192.0.2.2'))
  await asked[3]?.answer(found('192.0.2.2'))
  await asked[1]?.answer(found('192.0.2.1'))
  t.strictSame(await Promise.all([old, second, other]), ['192.0.2.1', '192.0.2.2', '192.0.2.2'])
  t.equal(await ask('b.example'), '192.0.2.2', 'a late answer of the old ones is not kept')
  t.equal(source.shares.used, 0)
})
