import { test } from 'tap'
import { SharedServices } from '../../../../core/plugin-host/services/services.js'
import { NO_FETCH } from '../../../kit/names.js'

test('a message is a copy, for the same plugin in the other processes', async t => {
  const other = new SharedServices()
  const one = new SharedServices(undefined, async (plugin, message) => other.peers.deliver(plugin, message))
  const heard: unknown[] = []
  const stop = other.of('a', NO_FETCH).peers.listen(message => void heard.push(message))
  other.of('b', NO_FETCH).peers.listen(() => t.fail('another plugin'))
  one.of('a', NO_FETCH).peers.listen(() => t.fail('its own process'))
  const { send } = one.of('a', NO_FETCH).peers
  const message = { host: 'a.example', at: undefined }
  await send(message)
  message.host = 'changed'
  await send(null)
  t.strictSame(heard, [{ host: 'a.example' }, null], 'in the order of the calls')
  stop()
  await send('late')
  t.equal(heard.length, 2)
  await t.resolves(other.of('a', NO_FETCH).peers.send('to none'))
})

test('a message has to be JSON of a bounded length', async t => {
  const told: unknown[] = []
  const { send } = new SharedServices(undefined, async (_, message) => void told.push(message)).of(
    'a',
    NO_FETCH,
  ).peers
  const circle: unknown[] = []
  circle.push(circle)
  for (const bad of [undefined, () => {}, 1n, circle, 'x'.repeat(262_143)])
    await t.rejects(send(bad), { code: 'PTC_PLUGIN_CALL', message: /^peers: / })
  await send('x'.repeat(262_142))
  t.equal(told.length, 1)
})

test('workers are told what the other instances say, and tell them', async t => {
  const told: unknown[] = []
  const { peers } = new SharedServices(
    undefined,
    async (plugin, message) => void told.push([plugin, message]),
  )
  const heard: string[] = []
  const hosted = peers.of('a')
  hosted.listen(message => heard.push(`thread ${message}`))
  const one = hosted.join(async text => void heard.push(`one ${text}`))
  const two = hosted.join(async text => void heard.push(`two ${text}`))
  peers.of('b').join(async () => void t.fail('another plugin'))
  await one.send('"x"')
  t.strictSame(heard.splice(0), ['thread x', 'two "x"'])
  await hosted.send('y')
  t.strictSame(heard.splice(0), ['one "y"', 'two "y"'], 'the plugin in this thread is one instance')
  await peers.deliver('a', 'z')
  t.strictSame(heard.splice(0), ['thread z', 'one "z"', 'two "z"'])
  t.strictSame(told.splice(0), [
    ['a', 'x'],
    ['a', 'y'],
  ])
  two.leave()
  await one.send('1')
  t.strictSame(heard.splice(0), ['thread 1'])
  for (const bad of [undefined, 1, {}, 'no JSON', `"${'x'.repeat(262_143)}"`])
    await t.rejects(one.send(bad), { code: 'PTC_PLUGIN_CALL', message: /^peers: / })
  t.strictSame([heard, told], [[], [['a', 1]]])
})

test('a message is told when the workers have heard it', async t => {
  const { peers } = new SharedServices()
  let heard = (): void => {}
  const hearing = new Promise<void>(resolve => {
    heard = resolve
  })
  peers.of('a').join(() => hearing)
  let isTold = false
  const told = Promise.all([peers.of('a').send('x'), peers.deliver('a', 'y')]).then(() => {
    isTold = true
  })
  await new Promise(resolve => setTimeout(resolve, 20))
  t.notOk(isTold)
  heard()
  await told
})
