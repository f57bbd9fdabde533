import { readFileSync, statSync } from 'node:fs'
import { test } from 'tap'
import type { AdminApi } from '../../core/admin/admin-api.js'
import { routesOf } from '../../core/admin/app.js'
import { approvalsText } from '../../core/cli/ctl-approvals.js'
import { makeChain } from '../../core/testing/kit.js'
import { withUnreadableDates } from '../kit/carrying.js'
import {
  answer,
  approvalsOf,
  BY_ME,
  chain,
  fresh,
  HOST as host,
  PLACES,
  park,
  until,
} from './approval-kit.js'
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

for (const place of PLACES) {
  test(`identical handshakes are one question, and its answer is for all of them ${place}`, async t => {
    const remember = fresh()
    const kit = await openPlugins(t, `approval ${place}remember=${remember}`)
    const both = [await park(kit, { host, chain }), await park(kit, { host, chain })]
    const [question, ...more] = await approvalsOf(kit).list()
    t.equal(more.length, 0)
    t.match(question, {
      id: /^q[0-9a-f]{12}$/,
      host,
      port: 443,
      subject: `/CN=${host}`,
      issuer: '/CN=Issuer',
    })
    t.match(question, { builtIn: 'X509_V_OK', waiting: 2, asked: 2, chain: [/^-----BEGIN/, /^-----BEGIN/] })
    await answer(kit)
    for (const handshake of both) t.match(await handshake.ended(), ACCEPTED)
    t.strictSame(await approvalsOf(kit).list(), [])
    for (let i = 0; i < 2; i++)
      t.match(await (await park(kit, { host, chain })).ended(), ACCEPTED, 'and remembered')
    const [asked, ...others] = entriesOf(remember)
    t.match(asked, { did: 'asked' })
    t.match(
      others.filter(({ did }) => did !== 'asked'),
      [{ did: 'answered', verdict: 'accept', who: 'me', why: 'I know it' }],
    )
    t.equal(statSync(remember).mode & 0o777, 0o600)
    t.equal(
      await approvalsOf(kit).answer(question?.id ?? '', BY_ME),
      undefined,
      'an answered question is open no more',
    )
  })

  test(`a client is told before it loses its patience, and the question stays ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()} signal_after=2s`)
    const first = await park(kit, { host, chain })
    await kit.advance(1900)
    t.equal(first.outcome, undefined)
    await kit.advance(200)
    t.match(await first.ended(), { ...isOpen(''), hold: /^q/ })
    const [question] = await until(kit, ([one]) => one?.waiting === 0)
    t.match(first.outcome, isOpen(question?.id ?? ''))
    const second = await park(kit, { host, chain })
    t.equal((await approvalsOf(kit).list())[0]?.id, question?.id, 'which the next try is part of')
    await answer(kit, { verdict: 'reject', why: 'not ours' })
    t.match(await second.ended(), {
      kind: 'rejected',
      reason: 'policy',
      detail: 'me has rejected it: not ours',
    })
  })

  test(`operators give those that wait more time, and none without a question ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()} signal_after=2s`)
    const began = Date.now()
    const first = await park(kit, { host, chain })
    const [{ id, waitsUntil = 0 } = { id: '' }] = await approvalsOf(kit).list()
    t.ok(
      waitsUntil - began >= 2000 && waitsUntil - Date.now() <= 2000,
      'the plugin says until when they wait',
    )
    for (let i = 0; i < 2; i++) t.equal(await approvalsOf(kit).extend(id, 1000), 1)
    t.match(await approvalsOf(kit).list(), [{ waitsUntil: waitsUntil + 2000 }])
    await kit.advance(3900)
    t.equal(first.outcome, undefined)
    await kit.advance(200)
    t.match(await first.ended(), { ...isOpen(''), hold: id })
    const [idle] = await until(kit, ([one]) => one?.waiting === 0)
    t.equal(idle?.waitsUntil, undefined, 'nothing waits')
    t.equal(await approvalsOf(kit).extend(id, 1000), 0)
    t.equal(await approvalsOf(kit).extend('q0', 1000), 0)
  })

  test(`what an answer covers ${place}`, async t => {
    const failed = 'X509_V_ERR_CERT_HAS_EXPIRED'
    for (const [scope, covered] of [
      ['leaf', [true, false, false]],
      ['issuer', [true, false, false]],
      ['host', [true, true, false]],
    ] as const) {
      const kit = await openPlugins(t, `approval ${place}remember=${fresh()}`)
      await park(kit, { host, chain })
      await answer(kit, { scope })
      const asked = [
        { host, chain },
        { host, chain: other },
        { host, chain: other, builtIn: failed },
      ] as const
      for (const [i, origin] of asked.entries()) {
        const handshake = await park(kit, origin)
        t.equal(handshake.outcome?.kind, covered[i] ? 'accepted' : undefined, `${scope} ${i}`)
      }
      t.equal((await park(kit, { host: 'else.example', chain })).outcome, undefined)
      kit.close()
    }
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()}`)
    await park(kit, { host, chain, builtIn: failed })
    await answer(kit, { scope: 'host' })
    t.match(
      (await park(kit, { host, chain, builtIn: failed })).outcome,
      ACCEPTED,
      'a failure is accepted knowingly',
    )
    t.equal(
      (await park(kit, { host, chain: other, builtIn: failed })).outcome,
      undefined,
      'for its certificate alone',
    )
  })

  test(`an answer has an end ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()}`)
    await park(kit, { host, chain })
    await answer(kit, { duration: 1 })
    await new Promise(resolve => setTimeout(resolve, 10))
    t.equal((await park(kit, { host, chain })).outcome, undefined)
  })

  test(`default=accept serves valid certificates, and overrules nothing ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()} signal_after=1s default=accept`)
    const good = await park(kit, { host, chain })
    const bad = await park(kit, { host, chain, builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' })
    await kit.advance(1000)
    t.match(await good.ended(), ACCEPTED)
    t.match(await bad.ended(), { kind: 'rejected', hold: /^q/ })
  })

  test(`\`who=\` says which operators may answer ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()} who=alice,bob`)
    const held = await park(kit, { host, chain })
    await t.rejects(answer(kit), {
      code: 'PTC_ADMIN_REQUEST',
      message: 'me may not answer; who= names alice, bob',
    })
    t.equal(held.outcome, undefined)
    await answer(kit, { who: 'bob' })
    t.match(await held.ended(), ACCEPTED)
  })

  test(`a client that leaves leaves the question ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()}`)
    const held = await park(kit, { host, chain })
    held.leave()
    t.match(await until(kit, ([one]) => one?.waiting === 0), [{ host, waiting: 0, asked: 1 }])
  })

  test(`a question about a certificate with unreadable dates is listed, by the management API too ${place}`, async t => {
    const kit = await openPlugins(t, `approval ${place}remember=${fresh()}`)
    await park(kit, { host, chain })
    await park(kit, {
      host,
      chain: withUnreadableDates(chain),
      builtIn: 'X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD',
    })
    const expected = [
      { notBefore: Number, notAfter: Number },
      { notBefore: null, notAfter: null },
    ]
    t.match(await approvalsOf(kit).list(), expected)
    const api = { approvals: () => approvalsOf(kit).list() }
    const { app } = routesOf(api as Partial<AdminApi> as AdminApi, {
      metrics: async () => '',
      samples: () => ({ every: 5000, times: [], series: [] }),
      dashboard: () => '',
      audit: async () => {},
      onError: () => {},
    })
    const answered = await app.inject('/v1/approvals')
    t.equal(answered.statusCode, 200)
    t.match(answered.json(), { approvals: expected })
    t.match(approvalsText(await approvalsOf(kit).list()).at(-1), /unreadable date/)
  })
}

test('a deadline that ends first does not make it a rejection', async t => {
  const kit = await openPlugins(t, `approval @deadline=1000 remember=${fresh()}`)
  const handshake = await kit.park({ host, chain })
  await kit.advance(1000)
  t.match(await handshake.ended(), { kind: 'rejected', hold: /^q/ })
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
  t.equal((await approvalsOf(kit).list()).length, 200)
})

test('one client cannot fill the memory with long chains', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()}`)
  const long = chain.repeat(Math.ceil(60_000 / chain.length))
  let opened = 0
  for (; opened < 200; opened++)
    if ((await kit.park({ host: `h${opened}.example`, chain: long })).outcome !== undefined) break
  t.ok(opened > 20 && opened < 60, `${opened}`)
  const elsewhere = { address: '192.0.2.77' }
  t.equal((await kit.park({ host: 'other.example', chain, client: elsewhere })).outcome, undefined)
})
