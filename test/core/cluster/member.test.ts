/** One of several processes, with the supervising process played by the test. */
import { EventEmitter } from 'node:events'
import { test } from 'tap'
import { startMember } from '../../../core/cluster/member.js'
import { makeConfDir } from '../../kit/proxy.js'
import { poll } from '../../kit/watch.js'

interface Message {
  readonly ask?: number
  readonly answer?: number
  readonly name?: string
  readonly args?: readonly unknown[]
  readonly error?: unknown
}

const PLUGIN = `
export default ({ manage, revoke }) => {
  manage('approvals', {
    list: async () => [], answer: async () => undefined,
    withdraw: async (_isMeant, what) => { globalThis.memberWithdrew = what; return 1 },
  })
  globalThis.memberRevokes = () => revoke({ host: 'b.test' })
}
`

const globals = globalThis as { memberWithdrew?: string; memberRevokes?: () => void }

test('a process is told what operators revoke from its first call on, and tells both its kin and the fleet', async t => {
  const conf = makeConfDir({ plugins: ['approving.mjs'], modules: { 'approving.mjs': PLUGIN } })
  t.teardown(conf.remove)
  const sent: Message[] = []
  const toFleet: unknown[] = []
  const events = new EventEmitter()
  let next = 0
  const ask = (name: string, ...args: readonly unknown[]): void =>
    void events.emit('message', { ask: ++next, name, args })
  const worker = Object.assign(events, {
    send: (message: Message) => {
      sent.push(message)
      if (message.name === 'welcome') {
        ask('withdrawHere', { host: 'a.test' }, 'an operator')
        ask('revokeHere', { host: 'a.test' }, 'a plugin')
        events.emit('message', { answer: message.ask, value: { managementPorts: [], count: 1 } })
      } else if (message.name === 'lastAnswer') {
        setImmediate(() => events.emit('message', { answer: message.ask }))
      } else if (message.name === 'serving') {
        t.equal(globals.memberWithdrew, 'host a.test', 'before it serves')
        events.emit('message', { answer: message.ask })
      }
      return true
    },
  })
  const others = {
    publish: async () => undefined,
    attach: async () => undefined,
    revoke: (wanted: unknown) => toFleet.push(wanted),
    stateOf: () => ({}),
  }
  const { proxy, handBack } = await startMember(
    { confDir: conf.path, env: {}, print: () => undefined, shippedDirs: [], stripsTypes: false } as never,
    worker as never,
    { version: '', pid: 1, stop: () => 0 },
    { others } as never,
  )
  t.teardown(() => proxy.stop(0))
  await poll(() => sent.filter(({ answer }) => answer !== undefined).length === 2, 'answers')
  t.strictSame(
    sent.filter(({ answer }) => answer !== undefined).map(({ error }) => error),
    [undefined, undefined],
  )
  globals.memberRevokes?.()
  t.strictSame(toFleet, [{ host: 'b.test' }])
  t.strictSame(
    sent.filter(({ name }) => name === 'revoke').map(({ args }) => args?.[0]),
    [{ host: 'b.test' }],
  )
  await handBack()
  t.equal(sent.at(-1)?.name, 'lastAnswer', 'what was sent before has arrived when this is answered')
})
