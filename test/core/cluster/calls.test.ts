/** Calls between two processes, which are objects here. */
import { test } from 'tap'
import { type AskLimits, Calls, type Handlers } from '../../../core/cluster/calls.js'

const LONG: AskLimits = { taken: 600_000, answered: 600_000 }

/** @param hears whether the other side reads its channel */
function pair(handlers: Handlers, hears = () => true) {
  const here: Calls = new Calls(message => {
    if (hears()) there.receive(structuredClone(message))
  }, {})
  const there = new Calls(message => here.receive(structuredClone(message)), handlers)
  return here
}

test('a question is answered by the value or the error of the other side', async t => {
  const calls = pair({
    double: (n: number) => 2 * n,
    fail: () => {
      throw new TypeError('no')
    },
  })
  t.equal(await calls.ask('process 7', LONG, 'double', 4), 8)
  t.equal(await calls.call('double', 4), 8)
  await t.rejects(calls.ask('process 7', LONG, 'fail'), { code: 'PTC_INTERNAL', message: /no/ })
})

test('a process that reads nothing is named, and its late answer changes nothing', async t => {
  let isDeaf = true
  const calls = pair({ status: () => 1 }, () => !isDeaf)
  await t.rejects(calls.ask('process 7', { ...LONG, taken: 20 }, 'status'), {
    code: 'PTC_PROCESS_SILENT',
    message: 'process 7 has not answered "status" within 0.02 s; it may still do what was asked',
  })
  isDeaf = false
  calls.receive({ answer: 1, value: 2 })
  t.equal(await calls.ask('process 7', LONG, 'status'), 1)
})

test('a process that has the question may take longer, up to the second limit', async t => {
  let finish = (_value: unknown): void => {}
  const calls = pair({
    slow: () =>
      new Promise(resolve => {
        finish = resolve
      }),
  })
  const asked = calls.ask('process 7', { ...LONG, taken: 1 }, 'slow')
  await new Promise(resolve => setTimeout(resolve, 50))
  finish('done')
  t.equal(await asked, 'done', 'the first limit is for the arrival')
  await t.rejects(calls.ask('process 7', { ...LONG, answered: 20 }, 'slow'), { code: 'PTC_PROCESS_SILENT' })
})

test('a question ends with the other side', async t => {
  const calls = pair({ slow: () => new Promise(() => {}) })
  const asked = calls.ask('process 7', LONG, 'slow')
  calls.end('process 7 has ended')
  await t.rejects(asked, { code: 'PTC_PROCESS_GONE' })
  await t.rejects(calls.ask('process 7', LONG, 'slow'), { code: 'PTC_PROCESS_GONE' })
})
