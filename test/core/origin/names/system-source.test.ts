import { test } from 'tap'
import { systemSource } from '../../../../core/origin/names/system-source.js'

test('the resolver of the system', async t => {
  const source = systemSource()
  const { outcome, cancel } = source.ask('localhost')
  t.equal(cancel(), false, 'it cannot be stopped')
  t.match(await outcome, { addresses: [/^(?:127\.|::1)/], ttl: undefined })
  t.match(await source.ask('no name').outcome, { failed: /^E/ })
})

test('half of the thread pool is shared by all generations', async t => {
  const [one, other] = [systemSource(), systemSource()]
  t.equal(one.shares, other.shares)
  const began: string[] = []
  for (const client of ['a', 'a', 'b', 'c'])
    one.shares.enter(client, () => {
      began.push(client)
      return true
    })
  t.strictSame(began, ['a', 'b'], 'one client has one of two threads')
  one.shares.release('a')
  t.strictSame(began, ['a', 'b', 'a'])
  other.shares.release('b')
  t.strictSame(began, ['a', 'b', 'a', 'c'])
})
