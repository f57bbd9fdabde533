import { test } from 'tap'
import { ACCEPTED, openSamples, rejected } from './kit.js'

const host = 'a.example'
const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000 + 60_000)

test('expiry_warning', async t => {
  t.test('rejects what ends soon, by its leaf or by an issuer', async t => {
    const kit = await openSamples(t, 'expiry_warning.so')
    const ask = async (...ends: number[]) =>
      (await kit.park({ host, chain: ends.map(days => ({ names: [host], notAfter: inDays(days) })) })).outcome
    t.strictSame(await ask(30), ACCEPTED)
    const day = inDays(29).toISOString().slice(0, 10)
    t.match(await ask(29), rejected('expiry_warning', 'expired', `ends on ${day}, in 29 days`))
    t.match(await ask(300, 29), rejected('expiry_warning', 'expired'))
    t.strictSame(await ask(300, 300), ACCEPTED)
  })

  t.test('by the days of its line', async t => {
    const kit = await openSamples(t, 'expiry_warning.so days=7')
    t.strictSame((await kit.park({ host, chain: [{ notAfter: inDays(8) }] })).outcome, ACCEPTED)
    const opening = openSamples(t, 'expiry_warning.so days=0')
    await t.rejects(opening, {
      message: 'plugin.config:1: plugin expiry_warning: option days=0 must be >= 1',
    })
  })

  t.test('rejects nothing in shadow mode', async t => {
    const kit = await openSamples(t, 'expiry_warning.so @mode=shadow')
    const { outcome, calls } = await kit.park({ host, chain: [{ notAfter: inDays(2) }] })
    t.strictSame(outcome, { kind: 'accepted', by: 'built-in' })
    t.match(calls, [{ verdict: { kind: 'reject', reason: 'expired' } }])
  })

  t.test('overrules nothing', async t => {
    const kit = await openSamples(t, 'expiry_warning.so')
    const builtIn = 'X509_V_ERR_CERT_REVOKED'
    t.match((await kit.park({ host, builtIn })).outcome, rejected('expiry_warning', builtIn))
  })
})
