/** Plugins beside the built-in check: Traffic Server's tests, retold; each is named. */
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { Gate } from '../kit/gate.js'
import type { Policed } from '../kit/policed.js'
import { expects, gate, PROPERTIES, stage } from './policy-stage.js'

const FAILED =
  'TS_EVENT_SSL_VERIFY_SERVER plugin failed the origin certificate check for 127.0.0.1.  Action=Terminate'

// tls_hooks_verify, by its outcome
test('the hook decides where the properties are NONE', async t => {
  const bad = new Set(['random.com', 'bar.com'])
  const it = await stage(t, {
    ...gate(
      t,
      ({ host, reenable }) => void reenable(bad.has(host) ? reject('policy', 'bad host') : undefined),
    ),
    records: { [PROPERTIES]: 'NONE' },
    sni: 'sni: [{fqdn: bar.com, verify_server_policy: PERMISSIVE}]',
  })
  await expects(t, it, [
    ['foo', 'foo.com', 200],
    ['self', 'random.com', 502],
    // Traffic Server goes on here although the plugin rejected; a rejection is final, and @mode=shadow is for trials.
    ['bar', 'bar.com', 502],
  ])
  const log = it.proxy.output()
  t.match(log, `${FAILED} SNI=random.com`)
  t.match(log, `${FAILED} SNI=bar.com`)
  t.notMatch(log, 'SNI=foo.com')
})

/** One plugin with several callbacks, each answered by a gate. */
const SEVERAL = {
  'several.mjs': `
import { channel } from 'node:diagnostics_channel'
export default ({ argv: [, ...gates], hookAdd }) => {
  for (const gate of gates)
    hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => channel('gate ' + gate).publish({ hook: 'TS_SSL_CERT_VERIFY_HOOK', event }))
}
`,
}

/** The first callback rejects random.com, the second bar.com. */
async function twoCallbacks(
  t: Test,
  isLate: boolean,
): Promise<{ it: Policed; asked: () => readonly string[][] }> {
  const [first, second] = ['random.com', 'bar.com'].map(bad => {
    const made = new Gate(({ host, reenable }) => {
      const answer = (): unknown => reenable(host === bad ? reject('policy', 'bad host') : undefined)
      if (isLate) setTimeout(answer, 20)
      else answer()
    })
    t.teardown(() => made.stop())
    return made
  }) as [Gate, Gate]
  const numbers = [first, second].map(({ line }) => line.split(' ')[1]).join(' ')
  const it = await stage(t, {
    plugins: [`several.mjs ${numbers}`],
    modules: SEVERAL,
    records: { [PROPERTIES]: 'NONE' },
  })
  return { it, asked: () => [first, second].map(({ asked }) => asked.map(({ host }) => host)) }
}

for (const [when, isLate] of [
  ['at once', false],
  ['late', true],
] as const) {
  // tls_hooks_verify, by its two callbacks (-count=2)
  test(`two callbacks of one plugin that answer ${when}`, async t => {
    const { it, asked } = await twoCallbacks(t, isLate)
    await expects(t, it, [
      ['foo', 'foo.com', 200],
      ['self', 'random.com', 502],
      ['bar', 'bar.com', 502],
    ])
    // Traffic Server asks both about random.com as well. Here the first rejection is final: no later plugin is asked, so
    // none can undo it.
    t.same(asked(), [
      ['foo.com', 'random.com', 'bar.com'],
      ['foo.com', 'bar.com'],
    ])
    const log = it.proxy.output()
    for (const host of ['random.com', 'bar.com'])
      t.equal(log.split(`${FAILED} SNI=${host}`).length, 2, `${host} is told once`)
    t.notMatch(log, 'SNI=foo.com')
  })
}
