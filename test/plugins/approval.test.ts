import { readFileSync, statSync } from 'node:fs'
import { test } from 'tap'
import type { AdminApi } from '../../core/admin/admin-api.js'
import { routesOf } from '../../core/admin/app.js'
import { approvalsText } from '../../core/cli/ctl-approvals.js'
import { makeChain } from '../../core/testing/kit.js'
import { withUnreadableDates } from '../kit/unreadable-dates.js'
import { answer, approvalsOf, BY_ME, chain, fresh, HOST as host } from './approval-kit.js'
import { ACCEPTED, openPlugins } from './kit.js'

const other = await makeChain({ names: [host] }, { subject: '/CN=Issuer' })

const entriesOf = (file: string): { did: string }[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

const isOpen = (hold: string): object => ({
  kind: 'rejected',
  by: 'plugin',
  plugin: 'approval',
  reason: 'policy',
  hold,
})

test('identical handshakes are one question, and its answer is for all of them', async t => {
  const remember = fresh()
  const kit = await openPlugins(t, `approval remember=${remember}`)
  const both = [await kit.park({ host, chain }), await kit.park({ host, chain })]
  const [question, ...more] = approvalsOf(kit).list()
  t.equal(more.length, 0)
  t.match(question, { id: /^q[0-9a-f]{12}$/, host, port: 443, subject: `/CN=${host}`, issuer: '/CN=Issuer' })
  t.match(question, { builtIn: 'X509_V_OK', waiting: 2, asked: 2, chain: [/^-----BEGIN/, /^-----BEGIN/] })
  await answer(kit)
  for (const handshake of both) t.match(await handshake.ended(), ACCEPTED)
  t.strictSame(approvalsOf(kit).list(), [])
  t.match(await (await kit.park({ host, chain })).ended(), ACCEPTED, 'and remembered')
  t.match(entriesOf(remember), [
    { did: 'asked' },
    { did: 'answered', verdict: 'accept', who: 'me', why: 'I know it' },
  ])
  t.equal(statSync(remember).mode & 0o777, 0o600)
  t.equal(
    await approvalsOf(kit).answer(question?.id ?? '', BY_ME),
    undefined,
    'an answered question is open no more',
  )
})

test('a client is told before it loses its patience, and the question stays', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()} signal_after=2s`)
  const first = await kit.park({ host, chain })
  await kit.advance(1900)
  t.equal(first.outcome, undefined)
  await kit.advance(200)
  const [question] = approvalsOf(kit).list()
  t.match(await first.ended(), isOpen(question?.id ?? ''))
  t.equal(question?.waiting, 0)
  const second = await kit.park({ host, chain })
  t.equal(approvalsOf(kit).list()[0]?.id, question?.id, 'which the next try is part of')
  await answer(kit, { verdict: 'reject', why: 'not ours' })
  t.match(await second.ended(), {
    kind: 'rejected',
    reason: 'policy',
    detail: 'me has rejected it: not ours',
  })
})

test('a deadline that ends first does not make it a rejection', async t => {
  const kit = await openPlugins(t, `approval @deadline=1000 remember=${fresh()}`)
  const handshake = await kit.park({ host, chain })
  await kit.advance(1000)
  t.match(await handshake.ended(), { kind: 'rejected', hold: /^q/ })
})

test('what an answer covers', async t => {
  const failed = 'X509_V_ERR_CERT_HAS_EXPIRED'
  for (const [scope, covered] of [
    ['leaf', [true, false, false]],
    ['issuer', [true, false, false]],
    ['host', [true, true, false]],
  ] as const) {
    const kit = await openPlugins(t, `approval remember=${fresh()}`)
    await kit.park({ host, chain })
    await answer(kit, { scope })
    const asked = [
      { host, chain },
      { host, chain: other },
      { host, chain: other, builtIn: failed },
    ] as const
    for (const [i, origin] of asked.entries()) {
      const handshake = await kit.park(origin)
      t.equal(handshake.outcome?.kind, covered[i] ? 'accepted' : undefined, `${scope} ${i}`)
    }
    t.equal((await kit.park({ host: 'else.example', chain })).outcome, undefined)
  }
  const kit = await openPlugins(t, `approval remember=${fresh()}`)
  await kit.park({ host, chain, builtIn: failed })
  await answer(kit, { scope: 'host' })
  t.match(
    (await kit.park({ host, chain, builtIn: failed })).outcome,
    ACCEPTED,
    'a failure is accepted knowingly',
  )
  t.equal(
    (await kit.park({ host, chain: other, builtIn: failed })).outcome,
    undefined,
    'for its certificate alone',
  )
})

test('an answer has an end', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()}`)
  await kit.park({ host, chain })
  await answer(kit, { duration: 1 })
  await new Promise(resolve => setTimeout(resolve, 10))
  t.equal((await kit.park({ host, chain })).outcome, undefined)
})

test('default=accept serves valid certificates, and overrules nothing', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()} signal_after=1s default=accept`)
  const good = await kit.park({ host, chain })
  const bad = await kit.park({ host, chain, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' })
  await kit.advance(1000)
  t.match(good.outcome, ACCEPTED)
  t.match(bad.outcome, { kind: 'rejected', hold: /^q/ })
})

test('`who=` says which operators may answer', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()} who=alice,bob`)
  const held = await kit.park({ host, chain })
  await t.rejects(answer(kit), { message: 'me may not answer; who= names alice, bob' })
  t.equal(held.outcome, undefined)
  await answer(kit, { who: 'bob' })
  t.match(held.outcome, ACCEPTED)
})

test('a client that leaves leaves the question', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()}`)
  const held = await kit.park({ host, chain })
  held.leave()
  t.match(approvalsOf(kit).list(), [{ host, waiting: 0, asked: 1 }])
})

test('one client cannot open questions without end', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()}`)
  const first = await kit.park({ host: 'h0.example', chain })
  for (let i = 1; i < 200; i++) await kit.park({ host: `h${i}.example`, chain })
  t.match((await kit.park({ host: 'h200.example', chain })).outcome, { kind: 'rejected', detail: /too many/ })
  const again = await kit.park({ host: 'h7.example', chain })
  t.equal(again.outcome, undefined, 'what is asked already stays so')
  first.leave()
  t.match((await kit.park({ host: 'h201.example', chain })).outcome, { detail: /too many/ })
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 3_601_000
  t.equal(
    (await kit.park({ host: 'h201.example', chain })).outcome,
    undefined,
    'one that is not asked any more gives way',
  )
  t.equal(approvalsOf(kit).list().length, 200)
})

test('in a worker it says that it cannot', async t => {
  await t.rejects(openPlugins(t, `approval @isolate=worker remember=${fresh()}`), {
    message: /manage\('approvals'\) does not work with @isolate=worker/,
  })
})

test('a question about a certificate with unreadable dates is listed, by the management API too', async t => {
  const remember = fresh()
  const kit = await openPlugins(t, `approval remember=${remember}`)
  await kit.park({ host, chain })
  await kit.park({
    host,
    chain: withUnreadableDates(chain),
    builtIn: 'X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD',
  })
  const expected = [
    { notBefore: Number, notAfter: Number },
    { notBefore: null, notAfter: null },
  ]
  t.match(approvalsOf(kit).list(), expected)
  const api = { approvals: () => approvalsOf(kit).list() }
  const { app } = routesOf(api as Partial<AdminApi> as AdminApi, {
    metrics: async () => '',
    dashboard: () => '',
    audit: async () => {},
    onError: () => {},
  })
  const answered = await app.inject('/v1/approvals')
  t.equal(answered.statusCode, 200)
  t.match(answered.json(), { approvals: expected })
  t.match(approvalsText(approvalsOf(kit).list()).at(-1), /unreadable date/)
})
