import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { FairQueue, type Share } from '../../../core/base/fair-queue.js'

const unexpected = (cause: unknown): never => {
  throw cause
}

const of = (host: string, network = '192.0.2.1'): Share => ({ network, host })

/** Keeps the processor busy for some milliseconds. */
function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; ) {}
}

test('work runs at once while there is little of it', async t => {
  const queue = new FairQueue(unexpected)
  let ran = false
  queue.run(
    of('a'),
    0,
    () => {
      ran = true
    },
    unexpected,
  )
  t.ok(ran)
  t.equal(queue.size, 0)
})

test('hosts take turns, and within a host the most urgent piece is first', async t => {
  const queue = new FairQueue(unexpected)
  const log: string[] = []
  const note = (what: string) => (): void => void log.push(what)
  queue.run(of('storm'), 0, () => busy(5), unexpected)
  for (let i = 0; i < 3; i++) queue.run(of('storm'), 0, note(`storm begins ${i}`), unexpected)
  queue.run(of('storm'), 2, note('storm finishes'), unexpected)
  queue.run(of('neighbour'), 0, note('neighbour'), unexpected)
  t.same(log, [], 'nothing of it runs in the same slice')
  await turn()
  await turn()
  t.same(log, ['storm finishes', 'neighbour', 'storm begins 0', 'storm begins 1', 'storm begins 2'])
})

test('other work has a turn between two slices', async t => {
  const queue = new FairQueue(unexpected)
  let done = 0
  queue.run(of('storm'), 0, () => busy(5), unexpected)
  for (let i = 0; i < 10; i++) {
    queue.run(
      of('storm'),
      0,
      () => {
        busy(3)
        done++
      },
      unexpected,
    )
  }
  const seen: number[] = []
  while (done < 10) {
    seen.push(done)
    await turn()
  }
  t.ok(seen.length >= 9, `others were heard ${seen.length} times while ten pieces ran`)
})

test('an exception of one piece of work stops no other', async t => {
  const errors: unknown[] = []
  const queue = new FairQueue(cause => errors.push(cause))
  t.throws(() => queue.run(of('a'), 0, unexpected.bind(undefined, new TypeError('at once')), unexpected), {
    message: 'at once',
  })
  queue.run(of('a'), 0, () => busy(5), unexpected)
  queue.run(of('a'), 0, unexpected.bind(undefined, new TypeError('later')), unexpected)
  let ran = false
  queue.run(
    of('a'),
    0,
    () => {
      ran = true
    },
    unexpected,
  )
  await turn()
  await turn()
  t.match(errors, [{ message: 'later' }])
  t.ok(ran)
})

test('microtasks of a piece of work count as part of it', async t => {
  const queue = new FairQueue(unexpected)
  let done = 0
  const begin = async (): Promise<void> => {
    await undefined
    busy(3)
    done++
  }
  queue.run(of('storm'), 0, () => busy(5), unexpected)
  const all = Promise.all(Array.from({ length: 10 }, () => queue.begin(of('storm'), 0, begin)))
  const seen: number[] = []
  while (done < 10) {
    seen.push(done)
    await turn()
  }
  t.ok(seen.length >= 9, `others were heard ${seen.length} times while ten of them began`)
  await all
})

test('work that begins in its turn can be awaited', async t => {
  const queue = new FairQueue(unexpected)
  t.equal(await queue.begin(of('a'), 0, async () => 'begun'), 'begun')
  queue.run(of('a'), 0, () => busy(5), unexpected)
  const failing = queue.begin(of('b'), 1, () => unexpected(new TypeError('at once')))
  await t.rejects(failing, { message: 'at once' }, 'and what fails there is its own affair')
})

test('while connections come in with every turn of the loop work is put off, and not for long', async t => {
  const queue = new FairQueue(unexpected)
  queue.run(of('storm'), 0, () => busy(5), unexpected)
  let done = 0
  let endedAt = Infinity
  const gaps: number[] = []
  for (let i = 0; i < 10; i++)
    queue.run(
      of('storm'),
      0,
      () => {
        gaps.push(performance.now() - endedAt)
        busy(3)
        done++
        endedAt = performance.now()
      },
      unexpected,
    )
  while (done < 10) {
    queue.yieldToAccepts()
    await turn()
  }
  t.ok(
    gaps.slice(1).every(gap => gap > 3.9),
    `milliseconds between two pieces: ${gaps.map(Math.round)}`,
  )
})

test('a client with many names has the share of one client', async t => {
  const queue = new FairQueue(unexpected)
  const log: string[] = []
  const note = (what: string) => (): void => void log.push(what)
  queue.run(of('first'), 0, () => busy(5), unexpected)
  for (let i = 0; i < 1500; i++) queue.run(of(`host-${i}`), 0, note('many'), unexpected)
  for (const what of ['b1', 'b2']) queue.run(of('b', '192.0.2.2'), 0, note(what), unexpected)
  queue.run(of('c', '192.0.2.3'), 0, note('c'), unexpected)
  while (queue.size > 0) await turn()
  t.same(log.slice(0, 6), ['many', 'b1', 'c', 'many', 'b2', 'many'], 'its 1500 names are one turn in three')
  t.equal(log.length, 1503, 'and all of them have their turn')
})

test('work that waits too long is told so once, and is not run', async t => {
  const queue = new FairQueue(unexpected, 30)
  const log: string[] = []
  queue.run(of('busy'), 0, () => busy(5), unexpected)
  const started = performance.now()
  for (const host of ['a', 'a', 'b'])
    queue.run(
      of(host),
      0,
      () => log.push(`ran ${host}`),
      why => log.push(`${host} ${why.code}`),
    )
  const turns = queue.begin(of('c'), 0, async () => log.push('ran c'))
  while (performance.now() - started < 31) queue.yieldToAccepts() // the loop stands still, as under a storm
  await t.rejects(turns, { code: 'PTC_OVERLOADED' })
  t.same(log, ['a PTC_OVERLOADED', 'a PTC_OVERLOADED', 'b PTC_OVERLOADED'])
  t.equal(queue.size, 0)
  queue.run(of('later'), 0, () => log.push('later'), unexpected)
  await turn()
  await turn()
  t.equal(log.at(-1), 'later', 'what comes later has its turn')
})

test('an exception of a callback for lateness delays no other work', async t => {
  const errors: unknown[] = []
  const queue = new FairQueue(cause => errors.push(cause), 20)
  queue.run(of('busy'), 0, () => busy(5), unexpected)
  queue.run(of('a'), 0, unexpected as never, () => unexpected(new TypeError('late')))
  const late: string[] = []
  queue.run(of('b'), 0, unexpected as never, why => late.push(why.code))
  busy(25)
  while (late.length === 0) await turn()
  t.match(errors, [{ message: 'late' }])
})
