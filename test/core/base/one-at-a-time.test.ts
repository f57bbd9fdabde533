import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { OneAtATime } from '../../../core/base/one-at-a-time.js'

const late = (): ProxyError => new ProxyError('PTC_CLIENT_HANDSHAKE', 'late')

test('one piece of work at a time, and keys take turns', async t => {
  const queue = new OneAtATime(5000, late)
  const begun: string[] = []
  let underWay = 0
  const run = (key: string, what: string): Promise<string> =>
    queue.run(key, async () => {
      begun.push(what)
      t.equal(++underWay, 1)
      await sleep(1)
      underWay--
      return what
    })
  const all = [...['a1', 'a2', 'a3', 'a4'].map(what => run('a', what)), run('b', 'b1'), run('c', 'c1')]
  t.strictSame(await Promise.all(all), ['a1', 'a2', 'a3', 'a4', 'b1', 'c1'])
  t.strictSame(begun, ['a1', 'a2', 'b1', 'c1', 'a3', 'a4'])
  t.equal(await run('b', 'b2'), 'b2', 'and what comes later is begun as well')
})

test('what fails holds up nobody', async t => {
  const queue = new OneAtATime(5000, late)
  const failing = queue.run('a', () => Promise.reject(new Error('no')))
  const next = queue.run('a', async () => 'done')
  await t.rejects(failing, { message: 'no' })
  t.equal(await next, 'done')
})

test('nobody waits for a turn for ever', async t => {
  const queue = new OneAtATime(20, late)
  let end = (): void => {}
  const long = queue.run('a', () => new Promise<string>(resolve => (end = () => resolve('long'))))
  const begun: string[] = []
  const piece = (key: string): Promise<unknown> => queue.run(key, async () => void begun.push(key))
  await Promise.all(['a', 'b'].map(key => t.rejects(piece(key), { code: 'PTC_CLIENT_HANDSHAKE' }, key)))
  end()
  t.equal(await long, 'long', 'what is under way is not touched')
  await piece('c')
  t.strictSame(begun, ['c'], 'who has given up is not begun, and the next one is')
})
