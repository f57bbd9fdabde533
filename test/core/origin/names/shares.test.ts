import fc from 'fast-check'
import { test } from 'tap'
import { Shares } from '../../../../core/origin/names/shares.js'

/** Enters a client, and tells whether it has begun. */
function enter(shares: Shares, client: string, began: string[] = [], isKept = true): { leave: () => void } {
  const leave = shares.enter(client, () => {
    began.push(client)
    return isKept
  })
  return { leave }
}

test('a client has as many shares as its limit says', async t => {
  const shares = new Shares({ total: 100, perClient: 3 })
  const began: string[] = []
  for (let i = 0; i < 5; i += 1) enter(shares, 'a', began)
  t.equal(began.length, 3)
  t.equal(shares.waiting, 2)
  shares.release('a')
  t.equal(began.length, 4, 'the next one begins when one has ended')
})

test('some shares are free for a client that has none', async t => {
  const shares = new Shares({ total: 16, perClient: 16 })
  const began: string[] = []
  for (const client of ['a', 'b', 'c']) for (let i = 0; i < 100; i += 1) enter(shares, client, began)
  const held = (client: string): number => began.filter(one => one === client).length
  t.equal(held('a'), 8, 'half of them')
  t.equal(held('b'), 4, 'half of the rest')
  t.equal(held('c'), 2)
  enter(shares, 'd', began)
  t.equal(held('d'), 1, 'one more client begins at once')
})

test('clients that wait take turns', async t => {
  const shares = new Shares({ total: 2, perClient: 1 })
  const began: string[] = []
  enter(shares, 'x', began)
  enter(shares, 'y', began)
  for (const client of ['a', 'a', 'a', 'b', 'c']) enter(shares, client, began)
  const order = ['a', 'b', 'c', 'a', 'a']
  let last = 'x'
  for (const client of order) {
    shares.release(last)
    t.equal(began.at(-1), client)
    last = client
  }
})

test('a client that leaves the queue is not served', async t => {
  const shares = new Shares({ total: 1, perClient: 1 })
  const began: string[] = []
  enter(shares, 'a', began)
  enter(shares, 'b', began).leave()
  enter(shares, 'c', began)
  shares.release('a')
  t.strictSame(began, ['a', 'c'])
  t.equal(shares.waiting, 0)
})

test('a share that is not needed is free for the next one', async t => {
  const shares = new Shares({ total: 1, perClient: 1 })
  const began: string[] = []
  enter(shares, 'a', began)
  enter(shares, 'b', began, false)
  enter(shares, 'c', began)
  shares.release('a')
  t.strictSame(began, ['a', 'b', 'c'])
  t.equal(shares.used, 1)
})

test('a share counts against another client', async t => {
  const shares = new Shares({ total: 10, perClient: 1 })
  const began: string[] = []
  enter(shares, 'a', began)
  enter(shares, 'a', began)
  shares.move('a', 'b')
  t.strictSame(began, ['a', 'a'], 'the first one may take one again')
  enter(shares, 'b', began)
  t.equal(began.length, 2, 'the other one may not')
  shares.release('b')
  shares.release('a')
  shares.release('b')
  t.equal(shares.used, 0)
})

test('under random use the limits hold, and no client waits that could begin', async t => {
  const client = fc.constantFrom('a', 'b', 'c', 'd')
  const step = fc.record({ client, act: fc.constantFrom('enter', 'enter', 'leave', 'release') })
  const limits = fc.record({
    total: fc.integer({ min: 1, max: 9 }),
    perClient: fc.integer({ min: 1, max: 5 }),
  })
  const property = fc.property(limits, fc.array(step, { maxLength: 100 }), ({ total, perClient }, steps) => {
    const shares = new Shares({ total, perClient })
    const held = new Map<string, number>()
    const waiting: { readonly client: string; readonly leave: () => void; isOver: boolean }[] = []
    const holds = (one: string): number => held.get(one) ?? 0
    for (const { client, act } of steps) {
      if (act === 'enter') {
        const entry = { client, leave: (): void => undefined, isOver: false }
        waiting.push(entry)
        entry.leave = shares.enter(client, () => {
          if (entry.isOver) throw new Error('whoever has left is served')
          entry.isOver = true
          held.set(client, holds(client) + 1)
          return true
        })
      } else if (act === 'leave') {
        const entry = waiting.find(one => one.client === client && !one.isOver)
        if (entry === undefined) continue
        entry.isOver = true
        entry.leave()
      } else if (holds(client) > 0) {
        held.set(client, holds(client) - 1)
        shares.release(client)
      }
      const used = [...held.values()].reduce((sum, n) => sum + n, 0)
      const left = waiting.filter(one => !one.isOver)
      if (shares.used !== used || shares.waiting !== left.length) throw new Error('the counts are wrong')
      if (used > total || [...held.values()].some(n => n > perClient)) throw new Error('a limit is passed')
      if (left.some(one => holds(one.client) < Math.min(perClient, total - used)))
        throw new Error('a client waits that could begin')
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }))
})
