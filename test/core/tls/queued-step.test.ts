import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import type { FairQueue } from '../../../core/base/fair-queue.js'
import { QueuedStep } from '../../../core/tls/queued-step.js'

/** A queue whose turns are given by hand. */
function handQueue() {
  const given: { work: () => void; late: (why: ProxyError) => void }[] = []
  const queue = {
    run: (_share: unknown, _urgency: number, work: () => void, late: (why: ProxyError) => void) =>
      void given.push({ work, late }),
  } as unknown as FairQueue
  return { queue, given }
}

const SHARE = { network: '', host: '' }

test('a step is taken once, however often it is asked for', async t => {
  const { queue, given } = handQueue()
  const log: string[] = []
  const step = new QueuedStep(
    queue,
    () => log.push('step'),
    () => log.push('late'),
  )
  step.wait(SHARE, 1)
  step.wait(SHARE, 1)
  t.equal(given.length, 1)
  step.takeNow()
  given[0]?.work()
  given[0]?.late(new ProxyError('PTC_OVERLOADED', 'late'))
  t.same(log, ['step'])
  step.wait(SHARE, 1)
  given[0]?.late(new ProxyError('PTC_OVERLOADED', 'late'))
  t.ok(step.isWaiting, 'a wait that is over says nothing about the next one')
  given[1]?.late(new ProxyError('PTC_OVERLOADED', 'late'))
  given[1]?.work()
  t.same(log, ['step', 'late'], 'what is late is not run')
})

test('all waits of one handshake together have an end', async t => {
  const { queue, given } = handQueue()
  const log: string[] = []
  const step = new QueuedStep(
    queue,
    () => log.push('step'),
    why => log.push(why.code),
  )
  const { performance } = globalThis
  const { now } = performance
  let ahead = 0
  performance.now = () => now.call(performance) + ahead
  t.teardown(() => {
    performance.now = now
  })
  for (let i = 0; i < 4; i++) {
    step.wait(SHARE, 2)
    ahead += 8000
    given.at(-1)?.work()
  }
  t.same(log, ['step', 'step', 'step', 'PTC_OVERLOADED'], 'eight seconds each, thirty in all')
})
