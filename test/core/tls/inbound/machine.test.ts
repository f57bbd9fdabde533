import { test } from 'tap'
import { accept, type Reason, reject } from '../../../../core/api/verdict.js'
import { ProxyError } from '../../../../core/base/errors.js'
import {
  INBOUND_INITIAL,
  type InboundEffect,
  type InboundEvent,
  type InboundState,
  type InboundTerms,
  inboundStep,
} from '../../../../core/tls/inbound/machine.js'

const TERMS: InboundTerms = { hello: ['a', 'b'], session: ['c', 'd'], certificate: ['e'], client: ['f'] }
const NOBODY: InboundTerms = { hello: [], session: [], certificate: [], client: [] }

const hello: InboundEvent = { type: 'reached', stop: 'hello', waits: ['hello', 'session'] }
const certificate: InboundEvent = { type: 'reached', stop: 'certificate', waits: ['certificate'] }
const established: InboundEvent = { type: 'reached', stop: 'established', waits: ['client'] }
const yes: InboundEvent = { type: 'reenabled', verdict: accept(), isSettled: false }
const settled: InboundEvent = { type: 'reenabled', verdict: accept(), isSettled: true }
const no = (reason: Reason = 'policy'): InboundEvent => ({
  type: 'reenabled',
  verdict: reject(reason),
  isSettled: false,
})
const failed: InboundEvent = { type: 'plugin-failed', detail: 'oops' }
const late: InboundEvent = { type: 'late' }
const clock: InboundEvent = { type: 'clock' }
const gone: InboundEvent = { type: 'broken', why: new ProxyError('PTC_CLIENT_HANDSHAKE', 'gone') }

function run(terms: InboundTerms, ...events: InboundEvent[]): { state: InboundState; effects: string[] } {
  let state: InboundState = INBOUND_INITIAL
  const effects: string[] = []
  for (const event of events) {
    const [next, ...more] = inboundStep(state, event, terms)
    state = next
    effects.push(...more.map(show))
  }
  return { state, effects }
}

function show(effect: InboundEffect): string {
  switch (effect.do) {
    case 'call-continuation':
      return `ask ${effect.gate} ${effect.continuation}`
    case 'go-on':
      return `go on from ${effect.stop}`
    case 'send-alert':
      return `alert ${effect.alert}`
    case 'prepare':
    case 'deliver':
    case 'close':
      return effect.do
  }
}

test('plugins are asked one after the other at each gate', async t => {
  const all = run(TERMS, hello, yes, yes, yes, yes, certificate, yes, established, yes)
  t.same(all.effects, [
    ...['ask hello 0', 'ask hello 1', 'ask session 0', 'ask session 1', 'go on from hello'],
    ...['ask certificate 0', 'go on from certificate', 'ask client 0', 'deliver'],
  ])
  t.equal(all.state.at, 'open')
  t.same(run(NOBODY, hello, certificate, established).effects, [
    ...['go on from hello', 'go on from certificate', 'deliver'],
  ])
  const withoutCertificate: InboundEvent = { type: 'reached', stop: 'established', waits: [] }
  t.same(
    run(TERMS, withoutCertificate).effects,
    ['deliver'],
    'a client without a certificate is not asked about',
  )
})

test('a session that was found ends the search', async t => {
  t.same(run(TERMS, hello, yes, yes, settled).effects.slice(2), ['ask session 0', 'go on from hello'])
  for (const [what, event] of Object.entries({ no: no(), failed, late }))
    t.same(
      run(TERMS, hello, yes, yes, event, event).effects.slice(2),
      ['ask session 0', 'ask session 1', 'go on from hello'],
      `${what}: no session, and nothing worse`,
    )
})

test('a session that was found skips no other gate', async t => {
  const terms: InboundTerms = { ...TERMS, certificate: ['e', 'g'], client: ['f', 'h'] }
  t.same(run(terms, hello, settled).effects, ['ask hello 0', 'ask hello 1'])
  t.same(run(terms, certificate, settled).effects, ['ask certificate 0', 'ask certificate 1'])
  t.same(run(terms, established, settled).effects, ['ask client 0', 'ask client 1'])
})

test('the preparation is waited for behind the first gate', async t => {
  const waits: InboundEvent = { type: 'reached', stop: 'hello', waits: ['hello', 'preparation', 'session'] }
  const prepared: InboundEvent = { type: 'prepared' }
  const unprepared: InboundEvent = { type: 'unprepared', why: new ProxyError('PTC_TLS_CONTEXT', 'no leaf') }
  t.same(run(TERMS, waits, yes, yes).effects.slice(2), ['prepare'])
  t.same(run(TERMS, waits, yes, no()).effects.slice(2), ['alert 49', 'close'], 'not for who is refused')
  const [start, then] = [[waits, yes, yes], 3]
  t.same(run(TERMS, ...start, prepared).effects.slice(then), ['ask session 0'])
  t.same(run(NOBODY, waits, prepared).effects, ['prepare', 'go on from hello'])
  t.match(run(TERMS, ...start, unprepared), {
    effects: { [then]: 'alert 80' },
    state: { why: { message: 'no leaf' } },
  })
  t.same(run(TERMS, ...start, clock).effects.slice(then), ['alert 40', 'close'])
  t.same(run(TERMS, ...start, gone, prepared).effects.slice(then), ['close'])
  t.match(run(TERMS, ...start, certificate).state, { at: 'closed', why: { code: 'PTC_INTERNAL' } })
  for (const event of [yes, no(), failed, late])
    t.same(run(TERMS, ...start, event).effects.slice(then), [], 'no plugin has a say')
  for (const event of [prepared, unprepared]) {
    t.same(run(TERMS, event).effects, [])
    t.same(run(TERMS, waits, event).effects, ['ask hello 0'], 'nor is it over before it began')
  }
})

test('a session is looked for at each of its gates, until one is found', async t => {
  const waits: InboundEvent = { type: 'reached', stop: 'hello', waits: ['session', 'session'] }
  t.same(run(TERMS, waits, yes, no()).effects, ['ask session 0', 'ask session 1', 'ask session 0'])
  t.same(run(TERMS, waits, yes, settled).effects, ['ask session 0', 'ask session 1', 'go on from hello'])
  t.same(run(TERMS, waits, settled).effects, ['ask session 0', 'go on from hello'])
})

test('a rejection at a gate other than the session ends the handshake', async t => {
  const ways: Record<string, readonly InboundEvent[]> = {
    hello: [hello, yes],
    certificate: [certificate],
    client: [established],
  }
  for (const [gate, events] of Object.entries(ways)) {
    const endsOf = (event: InboundEvent): string[] =>
      run(TERMS, ...events, event, yes).effects.slice(events.length)
    t.same(endsOf(no()), [gate === 'client' ? 'alert 42' : 'alert 49', 'close'], `${gate}: rejected`)
    t.same(endsOf(no('revoked')), [gate === 'client' ? 'alert 44' : 'alert 40', 'close'])
    t.same(endsOf(no('internal')), ['alert 80', 'close'])
    t.same(endsOf(failed), ['alert 80', 'close'], 'failed')
    t.same(endsOf(late), ['alert 40', 'close'], 'late')
    t.same(endsOf(clock), ['alert 40', 'close'], 'out of time')
    t.same(endsOf(gone), ['close'], 'gone')
    const { state } = run(TERMS, ...events, no())
    t.match(state, { at: 'closed', why: { code: 'PTC_CLIENT_REFUSED' } })
  }
})

test('events that a state does not wait for change nothing', async t => {
  for (const event of [yes, no(), failed, late])
    t.same(run(TERMS, event), { state: INBOUND_INITIAL, effects: [] })
  t.same(run(TERMS, clock).effects, ['close'])
  t.match(run(TERMS, hello, certificate), { state: { at: 'closed', why: { code: 'PTC_INTERNAL' } } })
  for (const end of [gone, clock]) {
    const closed = run(TERMS, hello, end)
    for (const event of [hello, yes, no(), failed, late, clock, gone, established])
      t.same(inboundStep(closed.state, event, TERMS), [closed.state], 'closed is closed')
  }
  const open = run(NOBODY, established)
  for (const event of [hello, yes, failed, late, clock, gone])
    t.same(inboundStep(open.state, event, TERMS), [open.state], 'open is open')
})
