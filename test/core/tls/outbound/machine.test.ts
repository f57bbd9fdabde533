/** Longer than 250 lines because the whole table of states and events is tested here. */
import fc from 'fast-check'
import { test } from 'tap'
import type { BuiltInResult, PeerEvidence } from '../../../../core/api/certificate.js'
import { accept, postpone, reject } from '../../../../core/api/verdict.js'
import { ProxyError } from '../../../../core/base/errors.js'
import { makeTerms, type Terms, type TermsRecords } from '../../../../core/tls/judge/terms.js'
import { VerifyRejected } from '../../../../core/tls/judge/verdict.js'
import {
  type Effect,
  type Handshake,
  type HandshakeEvent,
  INITIAL,
  step,
} from '../../../../core/tls/outbound/machine.js'
import { evidenceOf, OK } from '../../../kit/evidence.js'

const EXPIRED: BuiltInResult = {
  ok: false,
  name: 'X509_V_ERR_CERT_HAS_EXPIRED',
  code: 10,
  depth: 0,
  message: 'certificate has expired',
}

const evidence = (builtIn = OK): PeerEvidence =>
  evidenceOf({ builtIn, checks: { signature: builtIn, name: OK } })

const RECORDS: TermsRecords = { verify: 2, policy: 'ENFORCED', properties: 'ALL', override: 0 }
const two = makeTerms(RECORDS, ['first', 'second'])
const terms = (records: Partial<TermsRecords>, ...plugins: string[]): Terms =>
  makeTerms({ ...RECORDS, ...records }, plugins)

const certificate: HandshakeEvent = { type: 'certificate', evidence: evidence() }
const expired: HandshakeEvent = { type: 'certificate', evidence: evidence(EXPIRED) }
const yes: HandshakeEvent = { type: 'reenabled', verdict: accept() }
const no: HandshakeEvent = { type: 'reenabled', verdict: reject('revoked', 'seen on a list') }
const threw: HandshakeEvent = { type: 'plugin-failed', detail: 'oops' }
const byHand: HandshakeEvent = { type: 'refused', verdict: reject('policy', 'on the phone') }
const clock: HandshakeEvent = { type: 'clock' }
const established: HandshakeEvent = { type: 'established' }
const broken: HandshakeEvent = { type: 'broken', why: new ProxyError('PTC_HANDSHAKE_CLOSED', 'gone') }
const released: HandshakeEvent = { type: 'released' }
const clientGone: HandshakeEvent = { type: 'client-gone' }

/** The state after some events, and the effects of the last one. */
function run(on: Terms, ...events: HandshakeEvent[]): { state: Handshake; effects: string[] } {
  let state = INITIAL
  let effects: Effect[] = []
  for (const event of events) [state, ...effects] = step(state, event, on)
  return { state, effects: effects.map(effect => effect.do) }
}

const why = (state: Handshake): unknown => (state.at === 'closed' ? state.why : undefined)

test('a parked handshake asks one plugin after the other', async t => {
  t.match(
    run(two, certificate),
    { state: { at: 'parked', continuation: 0 }, effects: ['start-clock', 'call-continuation'] },
    'asks the first plugin',
  )
  t.match(
    run(two, certificate, yes),
    { state: { at: 'parked', continuation: 1 }, effects: ['call-continuation'] },
    'asks the second when the first accepts, on the same clock',
  )
  t.match(
    run(two, certificate, yes, yes),
    { state: { at: 'resuming' }, effects: ['start-clock', 'resume'] },
    'resumes when all have accepted',
  )
  t.match(
    run(two, certificate, yes, yes, established),
    { state: { at: 'open', peer: { decidedBy: 'plugins' } }, effects: ['deliver'] },
    'delivers a verified peer',
  )
})

test('a handshake resumes after the last acceptance', async t => {
  const endsAt = (ends: number | undefined, verdict: HandshakeEvent): number | undefined => {
    const { state } = run(makeTerms(RECORDS, ['a'], false, false, ends), certificate, verdict)
    return state.at === 'resuming' ? state.peer.expiresAt : t.fail('is accepted') ? 0 : undefined
  }
  const until: HandshakeEvent = { type: 'reenabled', verdict: { kind: 'accept', expiresAt: 2000 } }
  t.equal(endsAt(undefined, yes), undefined, 'holds without end if nothing ends it')
  t.equal(endsAt(1000, yes), 1000, 'ends with the first revocation list')
  t.equal(endsAt(1000, until), 1000)
  t.equal(endsAt(3000, until), 2000, 'or with the verdict')
  const builtInAlone = run(makeTerms(RECORDS, [], false, false, 1000), certificate).state
  t.match(builtInAlone, { at: 'resuming', peer: { expiresAt: 1000 } }, 'whoever accepted')
})

test('the first rejection ends the handshake', async t => {
  const first = run(two, certificate, no)
  t.match(
    first,
    { state: { at: 'closed' }, effects: ['send-alert', 'close'] },
    'sends the alert and closes, and asks nobody else',
  )
  t.match(why(first.state), {
    rejection: {
      by: 'plugin',
      plugin: 'first',
      name: 'X509_V_ERR_CERT_REVOKED',
      code: 23,
      detail: 'seen on a list',
    },
  })
  t.match(
    why(run(two, certificate, yes, no).state),
    { rejection: { plugin: 'second' } },
    'names the plugin that rejected',
  )
  t.match(
    run(two, certificate, no, yes),
    { state: { at: 'closed' }, effects: [] },
    'is not undone by a later accept',
  )
  const failed = why(run(two, certificate, threw).state)
  t.match(
    failed,
    { code: 'PTC_VERIFY_PLUGIN_FAILED', rejection: { by: 'plugin-failed', detail: 'oops' } },
    'is what a plugin that throws means',
  )
  t.match(
    why(run(two, certificate, yes, byHand).state),
    { code: 'PTC_VERIFY_REJECTED', rejection: { by: 'operator', plugin: 'second', detail: 'on the phone' } },
    'may come from an operator, while a plugin is asked',
  )
  for (const before of [[], [certificate, yes, yes], [certificate, yes, yes, established]])
    t.not(run(two, ...before, byHand).state.at, 'closed', 'and at no other time')
})

test('a postponed verdict closes without an alert', async t => {
  const later = postpone({ id: 'q1', retryAfter: 20 }, 'a person is asked')
  const postponed = run(two, certificate, yes, { type: 'reenabled', verdict: later })
  t.same(postponed.effects, ['close'], 'closes, and sends no alert: the origin has not been judged')
  t.match(why(postponed.state), {
    code: 'PTC_VERIFY_POSTPONED',
    status: 503,
    rejection: { by: 'plugin', plugin: 'second', hold: { id: 'q1', retryAfter: 20 } },
  })
  t.match(
    run(two, certificate, yes, { type: 'reenabled', verdict: later }, yes).effects,
    [],
    'and no later accept counts',
  )
})

test('a handshake without an answer fails at its deadline', async t => {
  const late = run(two, certificate, yes, clock)
  t.same(late.effects, ['send-alert', 'close'], 'means no')
  t.match(
    why(late.state),
    { code: 'PTC_VERIFY_TIMEOUT', rejection: { by: 'deadline', plugin: 'second', code: 50 } },
    'and names the plugin that held it',
  )
  t.match(
    why(run(two, clock).state),
    { code: 'PTC_HANDSHAKE_TIMEOUT' },
    "of the origin before its certificate is the origin's fault",
  )
  t.match(
    why(run(two, certificate, yes, yes, clock).state),
    { code: 'PTC_HANDSHAKE_TIMEOUT' },
    'and after the verdict too',
  )
})

test('a parked handshake ends when either side leaves', async t => {
  t.match(
    run(two, certificate, clientGone),
    { state: { at: 'closed', why: { code: 'PTC_CLIENT_GONE' } }, effects: ['close'] },
    'of the client sends no alert',
  )
  t.match(
    run(two, certificate, broken),
    { state: { at: 'closed', why: { code: 'PTC_HANDSHAKE_CLOSED' } }, effects: ['close'] },
    'of the origin closes',
  )
  t.match(
    run(two, certificate, clientGone, yes),
    { state: { at: 'closed' }, effects: [] },
    'makes a later verdict reach nothing',
  )
})

test('the built-in check binds as far as the policy says', async t => {
  t.match(
    why(run(two, expired).state),
    { rejection: { by: 'built-in', code: 10 } },
    'binds, and plugins are not asked',
  )
  t.match(
    run(terms({ override: 1 }, 'a'), expired).state,
    { at: 'parked' },
    'is shown to plugins that may overrule it',
  )
  t.match(
    run(terms({ override: 1 }, 'a'), expired, yes).state,
    { at: 'resuming' },
    'and is overruled by an accept',
  )
  t.match(
    why(run(terms({ override: 1 }), expired).state),
    { rejection: { by: 'built-in' } },
    'binds when there is nobody to overrule it',
  )
  t.match(
    run(terms({ policy: 'PERMISSIVE' }, 'a'), expired).state,
    { at: 'parked' },
    'only advises under PERMISSIVE',
  )
  t.match(
    why(run(terms({ policy: 'PERMISSIVE' }, 'a'), expired, no).state),
    { rejection: { by: 'plugin' } },
    'and PERMISSIVE does not overrule a plugin',
  )
  t.match(
    run(terms({ verify: 1 }, 'a'), certificate).state,
    { at: 'resuming', peer: { decidedBy: 'built-in' } },
    'decides alone in mode 1',
  )
  t.match(
    why(run(terms({ verify: 1, override: 1 }, 'a'), expired).state),
    { rejection: { by: 'built-in' } },
    'and nobody overrules it there',
  )
  t.match(
    run(terms({}), certificate).state,
    { at: 'resuming', peer: { decidedBy: 'built-in' } },
    'decides alone without a plugin',
  )
  t.match(
    why(run(terms({ policy: 'DISABLED' }), certificate).state),
    { rejection: { by: 'no-check' } },
    'switched off, without a plugin: nobody accepts',
  )
  t.match(
    why(run(terms({ properties: 'NONE' }), certificate).state),
    { rejection: { by: 'no-check' } },
    'or with no properties',
  )
  t.match(
    run(terms({ verify: 0 }, 'a'), expired).state,
    { at: 'resuming', peer: { decidedBy: 'nobody' } },
    'is not asked in mode 0',
  )
})

const silent: HandshakeEvent = { type: 'late', late: 'reject' }
const excused: HandshakeEvent = { type: 'late', late: 'builtin' }
const anyEvent = fc.constantFrom(
  ...[certificate, expired, yes, no, threw, byHand, clock, established, broken, clientGone, silent, excused],
  released,
)
const anyTerms = fc
  .record({
    verify: fc.constantFrom<0 | 1 | 2>(1, 2),
    policy: fc.constantFrom<TermsRecords['policy']>('ENFORCED', 'PERMISSIVE', 'DISABLED'),
    properties: fc.constantFrom<TermsRecords['properties']>('ALL', 'SIGNATURE', 'NAME', 'NONE'),
    override: fc.constantFrom<0 | 1>(0, 1),
    plugins: fc.integer({ min: 0, max: 3 }),
    hasShadows: fc.boolean(),
  })
  .map(({ plugins, hasShadows, ...records }) =>
    makeTerms(records, ['a', 'b', 'c'].slice(0, plugins), false, hasShadows),
  )

test('a parked handshake that is released asks on, and is redialled when all have accepted', async t => {
  t.match(run(two, certificate, released), {
    state: { at: 'parked', continuation: 0, isReleased: true },
    effects: ['release'],
  })
  t.same(run(two, certificate, released, released).effects, [], 'once')
  t.match(run(two, certificate, released, yes), {
    state: { at: 'parked', continuation: 1 },
    effects: ['call-continuation'],
  })
  const { state, effects } = run(two, certificate, released, yes, yes)
  t.match([state, effects], [{ at: 'redialing', peer: { decidedBy: 'plugins' } }, ['redial']])
  t.match(why(run(two, certificate, released, no).state), { rejection: { by: 'plugin', reason: 'revoked' } })
  t.match(why(run(two, certificate, released, clock).state), { rejection: { by: 'deadline' } })
  t.match(why(run(two, certificate, released, clientGone).state), { code: 'PTC_CLIENT_GONE' })
  t.same(run(two, released).effects, [], 'not before it is parked')
  t.match(
    run(two, certificate, yes, yes, released),
    { state: { at: 'redialing' }, effects: ['redial'] },
    'lost after that',
  )
})

test('a held verdict stands for the plugins on a new connection', async t => {
  const { state } = run(two, certificate, released, yes, yes)
  const peer = state.at === 'redialing' ? state.peer : undefined
  const again: HandshakeEvent = {
    type: 'certificate',
    evidence: evidence(),
    held: peer && { peer, evidence: evidence() },
  }
  t.match(run(two, again), { state: { at: 'resuming', peer: { decidedBy: 'plugins' } } })
  t.match(run(two, certificate), { state: { at: 'parked', continuation: 0 } }, 'without one they are asked')
})

test('no order of events opens a handshake without all acceptances', async t => {
  fc.assert(
    fc.property(anyTerms, fc.array(anyEvent, { maxLength: 12 }), (on, events) => {
      let state = INITIAL
      let accepts = 0
      let isShown = false
      let ends = 0
      let isReleased = false
      for (const event of events) {
        if (state.at === 'parked' && event === yes) accepts++
        // The built-in check may stand in for a silent plugin, if it is one that has looked and found nothing.
        if (state.at === 'parked' && event === excused && on.builtIn !== 'off' && state.evidence.builtIn.ok)
          accepts++
        if (event.type === 'certificate') isShown = true
        const [next, ...effects] = step(state, event, on)
        const calls = effects.findIndex(effect => effect.do === 'call-continuation')
        if (calls !== -1 && calls !== effects.length - 1)
          throw new Error('call-continuation is not the last effect')
        ends += effects.filter(({ do: what }) => ['close', 'deliver', 'redial'].includes(what)).length
        isReleased ||= effects.some(effect => effect.do === 'release')
        if (isReleased && effects.some(({ do: what }) => what === 'resume' || what === 'deliver'))
          throw new Error('it goes on without a connection')
        if (['open', 'redialing', 'closed'].includes(state.at) && effects.length > 0)
          throw new Error('an end has effects')
        state = next
      }
      if (ends > 1) throw new Error('ended twice')
      if (state.at === 'resuming' || state.at === 'redialing' || state.at === 'open')
        return isShown && accepts === on.plugins.length
      return true
    }),
    { numRuns: 2000 },
  )
  t.pass('nothing is delivered that not every plugin has accepted, and the end comes once')
  t.ok(
    new VerifyRejected({
      by: 'plugin',
      plugin: 'p',
      reason: 'policy',
      name: 'X509_V_ERR_CERT_REJECTED',
      code: 28,
      host: 'h',
      depth: 0,
      detail: '',
    }) instanceof ProxyError,
  )
})

test('an operator accepts in the place of one plugin', async t => {
  const granted: HandshakeEvent = { type: 'granted', expiresAt: 2000, answer: 'handshake 1' }
  t.match(run(two, certificate, granted), {
    state: { at: 'parked', continuation: 1 },
    effects: ['call-continuation'],
  })
  t.match(
    run(two, certificate, granted, yes),
    { state: { at: 'resuming', peer: { expiresAt: 2000, isForClient: true, answer: 'handshake 1' } } },
    'the others are asked, and the acceptance ends',
  )
  t.match(run(two, granted).state, { at: 'started' }, 'nothing is accepted before it is shown')
  t.match(run(two, certificate, yes, no, granted).state, { at: 'closed' }, 'nor after it was rejected')
})
