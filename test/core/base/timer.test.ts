import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Deadline } from '../../../core/base/deadline.js'
import { ProxyError } from '../../../core/base/errors.js'
import { after, every } from '../../../core/base/timer.js'

const oops = (): never => {
  throw Object.create(null) // the oddest of what can be thrown
}

test('what a timer throws goes to the end of what it belongs to', async t => {
  const faults: ProxyError[] = []
  const onFault = (why: ProxyError): void => void faults.push(why)
  after(1, oops, onFault)
  new Deadline({ onFault, onTime: oops }).set(1)
  const late = new Deadline({ onFault })
  late.set(1, oops)
  const again = every(1, oops, onFault)
  await sleep(100)
  clearInterval(again)
  t.ok(faults.length >= 4)
  for (const why of faults) t.match(why, { code: 'PTC_INTERNAL', message: /^a timer failed: / })
})

test('an error of the proxy is passed on as it is', async t => {
  const own = new ProxyError('PTC_CLIENT_GONE', 'it left')
  const fault = await new Promise(resolve => {
    after(
      1,
      () => {
        throw own
      },
      resolve,
    )
  })
  t.equal(fault, own)
})

test('a time that is longer than the longest timer does not fire at once', async t => {
  let fired = 0
  const timers = [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY].map(ms => after(ms, () => fired++, t.fail))
  await sleep(50)
  t.equal(fired, 0)
  for (const timer of timers) clearTimeout(timer)
})
