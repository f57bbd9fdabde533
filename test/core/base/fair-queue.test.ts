import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { FairQueue } from '../../../core/base/fair-queue.js'

const unexpected = (cause: unknown): never => {
  throw cause
}

/** Keeps the processor busy for some milliseconds. */
function busy(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; ) {}
}

test('work runs at once while there is little of it', async t => {
  const queue = new FairQueue(unexpected)
  let ran = false
  queue.run('a', 0, () => {
    ran = true
  })
  t.ok(ran)
  t.equal(queue.size, 0)
})

test('keys take turns, and within a key the most urgent piece is first', async t => {
  const queue = new FairQueue(unexpected)
  const log: string[] = []
  const note = (what: string) => (): void => void log.push(what)
  queue.run('storm', 0, () => busy(5))
  for (let i = 0; i < 3; i++) queue.run('storm', 0, note(`storm begins ${i}`))
  queue.run('storm', 2, note('storm finishes'))
  queue.run('neighbour', 0, note('neighbour'))
  t.same(log, [], 'nothing of it runs in the same slice')
  await turn()
  await turn()
  t.same(log, ['storm finishes', 'neighbour', 'storm begins 0', 'storm begins 1', 'storm begins 2'])
})

test('everybody else has a turn between two slices', async t => {
  const queue = new FairQueue(unexpected)
  let done = 0
  queue.run('storm', 0, () => busy(5))
  for (let i = 0; i < 10; i++) {
    queue.run('storm', 0, () => {
      busy(3)
      done++
    })
  }
  const seen: number[] = []
  while (done < 10) {
    seen.push(done)
    await turn()
  }
  t.ok(seen.length >= 9, `others were heard ${seen.length} times while ten pieces ran`)
})

test('what a piece throws stops no other', async t => {
  const errors: unknown[] = []
  const queue = new FairQueue(cause => errors.push(cause))
  t.throws(() => queue.run('a', 0, unexpected.bind(undefined, new TypeError('at once'))), {
    message: 'at once',
  })
  queue.run('a', 0, () => busy(5))
  queue.run('a', 0, unexpected.bind(undefined, new TypeError('later')))
  let ran = false
  queue.run('a', 0, () => {
    ran = true
  })
  await turn()
  await turn()
  t.match(errors, [{ message: 'later' }])
  t.ok(ran)
})

test('what a piece leaves to microtasks counts, too', async t => {
  const queue = new FairQueue(unexpected)
  let done = 0
  const begin = async (): Promise<void> => {
    await undefined
    busy(3)
    done++
  }
  queue.run('storm', 0, () => busy(5))
  const all = Promise.all(Array.from({ length: 10 }, () => queue.turn('storm', 0, begin)))
  const seen: number[] = []
  while (done < 10) {
    seen.push(done)
    await turn()
  }
  t.ok(seen.length >= 9, `others were heard ${seen.length} times while ten of them began`)
  await all
})

test('what begins in its turn can be waited for', async t => {
  const queue = new FairQueue(unexpected)
  t.equal(await queue.turn('a', 0, async () => 'begun'), 'begun')
  queue.run('a', 0, () => busy(5))
  const failing = queue.turn('b', 1, () => unexpected(new TypeError('at once')))
  await t.rejects(failing, { message: 'at once' }, 'and what fails there is its own affair')
})

test('while connections come in with every turn of the loop work is put off, and not for long', async t => {
  const queue = new FairQueue(unexpected)
  queue.run('storm', 0, () => busy(5))
  let done = 0
  let endedAt = Infinity
  const gaps: number[] = []
  for (let i = 0; i < 10; i++)
    queue.run('storm', 0, () => {
      gaps.push(performance.now() - endedAt)
      busy(3)
      done++
      endedAt = performance.now()
    })
  while (done < 10) {
    queue.makeWay()
    await turn()
  }
  t.ok(
    gaps.slice(1).every(gap => gap > 3.9),
    `milliseconds between two pieces: ${gaps.map(Math.round)}`,
  )
})
