import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { FewAtATime } from '../../../core/base/few-at-a-time.js'

const late = (): ProxyError => new ProxyError('PTC_CLIENT_HANDSHAKE', 'late')

test('one piece of work at a time, and networks take turns', async t => {
  const queue = new FewAtATime({ atATime: 1, wait: 5000, waiting: 100 }, late)
  const begun: string[] = []
  let running = 0
  const run = (key: string, what: string): Promise<string> =>
    queue.run(key, async () => {
      begun.push(what)
      t.equal(++running, 1)
      await sleep(1)
      running--
      return what
    })
  const all = [...['a1', 'a2', 'a3', 'a4'].map(what => run('a', what)), run('b', 'b1'), run('c', 'c1')]
  t.strictSame(await Promise.all(all), ['a1', 'a2', 'a3', 'a4', 'b1', 'c1'])
  t.strictSame(begun, ['a1', 'a2', 'b1', 'c1', 'a3', 'a4'])
  t.equal(await run('b', 'b2'), 'b2', 'and what comes later is begun as well')
})

test('work that fails holds up no other work', async t => {
  const queue = new FewAtATime({ atATime: 1, wait: 5000, waiting: 100 }, late)
  const failing = queue.run('a', () => Promise.reject(new Error('no')))
  const next = queue.run('a', async () => 'done')
  await t.rejects(failing, { message: 'no' })
  t.equal(await next, 'done')
})

test('no work waits for a turn without end', async t => {
  const queue = new FewAtATime({ atATime: 1, wait: 20, waiting: 100 }, late)
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

test('the limit of simultaneous work holds, and a turn passed on counts once', async t => {
  const queue = new FewAtATime({ atATime: 2, wait: 5000, waiting: 100 }, late)
  let running = 0
  let most = 0
  const all = Array.from({ length: 9 }, (_, i) =>
    queue.run(`network ${i % 3}`, async () => {
      most = Math.max(most, ++running)
      await sleep(1)
      running--
    }),
  )
  await Promise.all(all)
  t.equal(most, 2)
})

test('a network that has filled the waiting room makes room for others, and not for itself', async t => {
  const queue = new FewAtATime({ atATime: 1, wait: 5000, waiting: 4 }, late)
  let end = (): void => {}
  const log: string[] = []
  const first = queue.run('many', () => new Promise<void>(resolve => (end = resolve)))
  const piece = (network: string, what: string): Promise<unknown> =>
    queue.run(network, async () => void log.push(what)).catch(() => log.push(`no room for ${what}`))
  const all = [1, 2, 3, 4, 5].map(i => piece('many', `many ${i}`))
  await sleep(1)
  t.same(log, ['no room for many 5'])
  all.push(piece('few', 'few 1'), piece('other', 'other 1'))
  await sleep(1)
  t.same(log.slice(1), ['no room for many 4', 'no room for many 3'], 'its youngest go')
  all.push(piece('other', 'other 2'), piece('third', 'third'), piece('fourth', 'fourth'))
  await sleep(1)
  t.same(log.slice(3), ['no room for other 2', 'no room for many 2', 'no room for fourth'], 'and no equals')
  end()
  await Promise.all([first, ...all])
  t.same(log.slice(6), ['many 1', 'few 1', 'other 1', 'third'])
})
