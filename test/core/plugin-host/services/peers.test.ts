import { test } from 'tap'
import { NO_PEERS } from '../../../../core/plugin-host/services/peers.js'
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

test('in a worker both calls are errors', async t => {
  const wrong = { code: 'PTC_PLUGIN_CALL', message: /@isolate=worker/ }
  await t.rejects(NO_PEERS.send('x'), wrong)
  t.throws(() => NO_PEERS.listen(() => {}), wrong)
})
