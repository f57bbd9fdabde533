import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { makeChain, type Origin, type Outcome } from '../../core/testing/kit.js'
import { parseTimes } from '../../plugins/policy/times.js'
import { atEnd } from '../kit/at-end.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const HOUR = 3_600_000
const hours = (count: number): Date => new Date(Date.now() + count * HOUR)

let files = 0
const rules = (text: string): string =>
  dir.file(`policy-${++files}.yaml`, `rules:${text.startsWith('-') ? '\n' : ' '}${text}\n`)

async function ask(t: Test, text: string, origin: Partial<Origin> = {}): Promise<Outcome> {
  const kit = await openPlugins(t, `policy file=${rules(text)}`)
  return await (await kit.park({ host: 'a.example', ...origin })).ended()
}

const BLOCKED = rejected('policy', 'policy')

test('the first rule that matches counts, and without one everything is allowed', async t => {
  t.strictSame(await ask(t, '[]'), ACCEPTED)
  t.match(
    await ask(t, '- {action: block}'),
    rejected('policy', 'policy', `a.example is rejected by rule 1 of policy-${files}.yaml`),
  )
  t.strictSame(await ask(t, '- {action: allow, host: a.example}\n- {action: block}'), ACCEPTED)
  t.match(await ask(t, '- {action: allow, host: "*.a.example"}\n- {action: block}'), BLOCKED)
  const named =
    '- {name: no toys, action: block, host: [b.example, A.Example], reason: revoked, detail: not here}'
  t.match(await ask(t, named), rejected('policy', 'revoked', 'not here'))
})

test('rules about the certificate', async t => {
  const young = await makeChain(
    {
      subject: '/C=DE/O=Test/CN=a.example',
      names: ['a.example', 'b.example'],
      notBefore: hours(-5),
      notAfter: hours(67),
    },
    { subject: '/C=US/O=Good CA/CN=Issuer 1' },
  )
  const matches: [string, boolean][] = [
    ['issuer: "/C=US/O=Good CA/CN=Issuer 1"', true],
    ['issuer: "*O=Good CA*"', true],
    ['issuer: "*CN=Test Root"', true],
    ['issuer: "*O=Good"', false],
    ['subject: "*O=Test/*"', true],
    ['san: "B.EXAMPLE"', true],
    ['san: "*.example"', true],
    ['san: "c.example"', false],
    ['country: us', true],
    ['country: DE', false],
    ['key: ec', true],
    ['key: [rsa, ed25519]', false],
    ['key_bits: "<384"', true],
    ['key_bits: ">256"', false],
    ['validity: ">3d"', false],
    ['validity: "<=72h"', true],
    ['age: "<6h"', true],
    ['age: ">=6h"', false],
    ['age: [">4h", "<6h"]', true],
    ['remaining: "<7d"', true],
    ['remaining: ">7d"', false],
    ['port: [443, 8443]', true],
    ['port: 80', false],
    ['age: "<6h", key: rsa', false],
    ['spki: AAAA', false],
  ]
  const all = matches.map(
    ([condition], i) => `- {action: block, detail: "${i}", host: h${i}.example, ${condition}}`,
  )
  for (const line of ['policy', 'policy @isolate=worker']) {
    const kit = await openPlugins(t, `${line} file=${rules(all.join('\n'))}`)
    for (const [i, [condition, isMatch]] of matches.entries()) {
      const outcome = await (await kit.park({ host: `h${i}.example`, chain: young })).ended()
      t.match(outcome, isMatch ? rejected('policy', 'policy', `${i}`) : ACCEPTED, condition)
    }
  }
})

test('require rejects what does not have everything that it demands', async t => {
  const chain = [{ names: ['a.example'] }, { subject: '/O=Good CA/CN=1' }]
  const demand =
    '- {name: bank, action: require, host: a.example, issuer: "*O=Good CA*", key: ec, reason: untrusted-issuer}'
  t.strictSame(await ask(t, demand, { chain }), ACCEPTED)
  t.match(
    await ask(t, demand),
    rejected(
      'policy',
      'untrusted-issuer',
      `a.example is rejected by bank of policy-${files}.yaml: issuer is /O=Portcullis/CN=Test Root`,
    ),
  )
  t.strictSame(await ask(t, demand, { host: 'b.example' }), ACCEPTED, 'other hosts')
  const two = '- {action: require, host: "*.example", age: ">1s"}\n- {action: block}'
  t.strictSame(await ask(t, two, { chain }), ACCEPTED, 'what has it is allowed')
})

test('delay holds the handshake, and then accepts', async t => {
  const kit = await openPlugins(t, `policy file=${rules('- {action: delay, delay: 3s, age: "<48h"}')}`)
  const handshake = await kit.park({ host: 'a.example' })
  for (let i = 0; i < 20; i++) await kit.advance(1)
  await sleep(200)
  await kit.advance(2900)
  t.equal(handshake.outcome, undefined)
  await kit.advance(200)
  t.strictSame(handshake.outcome, ACCEPTED)
})

test('rules about clients', async t => {
  const text = [
    '- {action: allow, client: [10.0.0.0/8, "::/0"], host: a.example}',
    '- {action: block, user: "temp-*"}',
    '- {action: allow, user: "*"}\n- {action: block}',
  ].join('\n')
  for (const line of ['policy', 'policy @isolate=worker']) {
    const kit = await openPlugins(t, `${line} file=${rules(text)}`)
    const of = async (from: Partial<Origin> = {}) => (await kit.park({ host: 'a.example', ...from })).ended()
    t.strictSame(await of({ client: { address: '10.1.2.3' } }), ACCEPTED)
    t.strictSame(await of({ client: { address: '2001:db8::7' } }), ACCEPTED)
    t.match(await of({ client: { address: '192.0.2.1' } }), BLOCKED)
    t.strictSame(await of({ client: { address: '192.0.2.1', user: 'alice' } }), ACCEPTED)
    t.match(await of({ client: { address: '192.0.2.1', user: 'temp-7' } }), BLOCKED)
    t.match(await of(), BLOCKED, 'an unknown client fits no rule about clients')
  }
})

test('times of the day', async t => {
  const at = (text: string): Date => new Date(`2026-11-${text}:00Z`) // the 28th is a Saturday
  const holds = (
    spans: string[],
    days: Parameters<typeof parseTimes>[1],
    text: string,
    zone = 'UTC',
  ): boolean => parseTimes(spans, days, zone).holds(at(text))
  t.ok(holds(['08:00-18:00'], [], '28T08:00'))
  t.notOk(holds(['08:00-18:00'], [], '28T18:00'))
  t.ok(holds(['08:00-09:00', '17:00-18:00'], [], '28T17:30'))
  t.ok(holds(['22:00-06:00'], [], '28T23:00') && holds(['22:00-06:00'], [], '28T05:59'))
  t.notOk(holds(['22:00-06:00'], [], '28T06:00'))
  t.ok(holds([], ['sat'], '28T12:00'))
  t.notOk(holds([], ['mon', 'fri'], '28T12:00'))
  t.ok(holds(['22:00-06:00'], ['fri'], '28T05:00'), 'the night of Friday goes on')
  t.notOk(holds(['22:00-06:00'], ['fri'], '28T23:00'))
  t.ok(holds(['13:00-14:00'], [], '28T12:30', 'Europe/Berlin'), 'another zone')
  t.equal(parseTimes(['08:00-18:00'], [], 'UTC').next(at('28T07:30')), HOUR / 2)
  t.equal(
    parseTimes(['08:00-18:00'], [], 'UTC').next(at('28T18:00')),
    6 * HOUR,
    'midnight: the day may count',
  )
  const { expiresAt = 0 } = await ask(t, '- {action: block, host: b.example, time: "00:00-00:01"}')
  t.ok(
    expiresAt > Date.now() && expiresAt < Date.now() + 25 * HOUR,
    'an acceptance ends with the time that it rests on',
  )
  const minute = new Date().toISOString().slice(11, 16)
  const never = `- {action: block, time: "${minute}-${minute === '23:59' ? '24:00' : '23:59'}", timezone: UTC}`
  t.match((await ask(t, never)).kind, /rejected/)
})

test('the file may be edited, and rejects everything while it is wrong', async t => {
  for (const line of ['policy', 'policy @isolate=worker']) {
    const file = rules('[]')
    const kit = await openPlugins(t, `${line} file=${file}`)
    const of = async () => await (await kit.park({ host: 'a.example' })).ended()
    t.strictSame(await of(), ACCEPTED)
    writeFileSync(file, 'rules: [{action: block}]')
    t.match(await of(), BLOCKED)
    writeFileSync(file, 'rules: [{action: blok}]')
    t.match(await of(), rejected('policy', 'internal', `policy-${files}.yaml cannot be used`))
    await kit.logged(
      /ERROR .*:1: rules\[0\]\.action must be equal to one of the allowed values: allow, block/,
    )
  }
})

test('an operator can ask which rule decides, and why', async t => {
  const text = [
    '- {name: others, action: block, host: b.example}',
    '- {name: nights, action: block, time: "00:00-00:01", timezone: UTC}',
    '- {name: guests, action: block, user: "guest-*"}',
    '- {name: young, action: delay, delay: 1ms, age: "<48h"}',
    '- {action: require, key: rsa}',
  ].join('\n')
  const kit = await openPlugins(t, `policy file=${rules(text)}`)
  const explained = async (host: string): Promise<string[]> => {
    const before = kit.log.length
    await kit.tell('TS_LIFECYCLE_MSG_HOOK', { tag: 'policy:explain', data: host })
    await poll(() => /NOTE.*(accepts|rejects)/.test(kit.log.slice(before).join()), 'the explanation')
    return kit.log
      .slice(before)
      .filter(line => line.startsWith('NOTE'))
      .map(line => line.replace(`NOTE [policy] ${host}: `, ''))
  }
  const at = (line: number): string => `policy-${files}.yaml:${line}`
  t.strictSame(await explained('b.example'), [
    `${at(2)} others (block): rejects, host is b.example, the rule says b.example`,
  ])
  await kit.tell('TS_LIFECYCLE_MSG_HOOK', { tag: 'other', data: undefined })
  const unseen = await explained('a.example')
  t.match(unseen, [
    `${at(2)} others (block): no, host is a.example, the rule says b.example`,
    `${at(3)} nights (block): no, it is not the time`,
    `${at(4)} guests (block): perhaps, user is not known, the rule says guest-*`,
    `${at(5)} young (delay): perhaps, age is not shown yet, the rule says <48h`,
    `${at(6)} rule 5 (require): perhaps, key is not shown yet, the rule says rsa`,
    'no other rule matches: accepts',
  ])
  await kit.park({ host: 'a.example', chain: [{ names: ['a.example'], notBefore: hours(-100) }] })
  const seen = await explained('a.example')
  t.match(seen[3], /young \(delay\): no, age is 4d, the rule says <48h$/)
  t.match(seen[4], /rule 5 \(require\): rejects, key is ec, the rule says rsa$/)
})

test('a failed built-in check is not overruled', async t => {
  const builtIn = 'X509_V_ERR_CERT_HAS_EXPIRED'
  t.match(await ask(t, '- {action: allow}', { builtIn }), rejected('policy', builtIn))
})

test('mistakes stop the start, with their place', async t => {
  for (const [text, message] of [
    ['- action: block\n  hosts: a', /:3: rules\[0\] has no key "hosts"/],
    ['- {action: block, host: "a b"}', /:2: rules\[0\]\.host: "a b" is no host/],
    ['- {action: block, age: "48h"}', /:2: rules\[0\]\.age: "48h" is no comparison: write <VALUE/],
    ['- {action: block, age: "<48"}', /rules\[0\]\.age: "48" is no duration/],
    ['- {action: block, client: 10.0.0.0/33}', /rules\[0\]\.client: .* is no address, no network such as/],
    ['- {action: block, time: "8-18"}', /rules\[0\]\.time: "8-18" is no time of the day/],
    ['- {action: block, time: "08:00-18:00", timezone: Mars}', /"Mars" is no time zone/],
    ['- {action: block, timezone: UTC}', /timezone is there without time/],
    ['- {action: delay}', /the action delay takes a delay/],
    ['- {action: allow, reason: revoked}', /reason and detail are about rejections/],
    ['- {action: block, reason: because}', /rules\[0\]\.reason must be equal to one of/],
    ['- {host: a}', /must have required property 'action'/],
  ] as const)
    await t.rejects(
      openPlugins(t, `policy file=${rules(text)}`),
      { code: 'PTC_PLUGIN_INIT_FAILED', message },
      text,
    )
})

atEnd(() => dir.remove())
