import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { test } from 'tap'
import type { AltName } from '../../../../core/tls/judge/certificate-parts.js'
import { type SanWay, sanMatcher } from '../../../../core/tls/judge/san-matcher.js'

type Row = readonly [type: AltName['type'], way: SanWay, wanted: string, name: string, matches: boolean]

const ROWS: readonly Row[] = [
  ['dns', 'exact', 'a.test', 'a.test', true],
  ['dns', 'exact', 'A.Test', 'a.TEST', true],
  ['dns', 'exact', 'a.test', 'b.a.test', false],
  ['dns', 'exact', 'a.test', '*.test', false], // a wildcard is a name, not a pattern
  ['dns', 'exact', '*.test', '*.test', true],
  ['dns', 'prefix', 'svc-', 'svc-1.test', true],
  ['dns', 'prefix', 'svc-', 'a.svc-1.test', false],
  ['dns', 'suffix', '.internal.test', 'a.Internal.test', true],
  ['dns', 'suffix', '.internal.test', 'internal.test', false],
  ['dns', 'regex', 'a|b', 'a', true],
  ['dns', 'regex', 'a|b', 'ab', false], // the whole of it, alternatives included
  ['dns', 'regex', '[a-z]+\\.test', 'SVC.test', true],
  ['dns', 'regex', 'a.test', 'a.test.evil', false],
  ['dns', 'regex', '.*', 'x', true],
  ['uri', 'exact', 'spiffe://A/b', 'spiffe://A/b', true],
  ['uri', 'exact', 'spiffe://A/b', 'spiffe://a/b', false], // a path has a case
  ['uri', 'regex', 'spiffe://a/.*', 'spiffe://a/b', true],
  ['uri', 'regex', 'spiffe://a/.*', 'SPIFFE://a/b', false],
  ['email', 'suffix', '@a.test', 'x@a.test', true],
  ['ip', 'exact', '10.0.0.7', '10.0.0.7', true],
  ['ip', 'exact', '10.0.0.7', '10.0.0.70', false],
  ['ip', 'exact', '2001:DB8:0::1', '2001:db8::1', true],
  ['ip', 'prefix', '10.0.', '10.0.9.9', true],
]

test('each way to match finds the names that it should', async t => {
  for (const [type, way, wanted, value, matches] of ROWS)
    t.equal(
      sanMatcher(type, way, wanted).matches({ type, value }),
      matches,
      `${type} ${way} ${wanted}: ${value}`,
    )
  t.equal(sanMatcher('dns', 'suffix', '.A.test').text, 'dns suffix .A.test', 'and how they are told of')
})

test('a name longer than its type allows matches nothing', async t => {
  for (const [type, longest] of [
    ['dns', 253],
    ['email', 320],
    ['uri', 2048],
  ] as const)
    for (const [way, wanted] of [
      ['prefix', 'a'],
      ['suffix', 'a'],
      ['regex', 'a*'],
    ] as const) {
      const { matches } = sanMatcher(type, way, wanted)
      t.ok(matches({ type, value: 'a'.repeat(longest) }), `${type} ${way}`)
      t.notOk(matches({ type, value: 'a'.repeat(longest + 1) }), `${type} ${way}, too long`)
    }
})

test('an attacker makes no name that a pattern takes long for', async t => {
  const { matches } = sanMatcher('dns', 'regex', '([a-z]+)+\\.test')
  t.notOk(matches({ type: 'dns', value: 'a'.repeat(253) }), 'a backtracking engine does not get here')
  t.ok(matches({ type: 'dns', value: `${'a'.repeat(248)}.test` }))
  t.throws(() => sanMatcher('dns', 'regex', '(?=a)'), { code: 'PTC_RULES_INVALID' })
})

const TYPES = ['dns', 'ip', 'uri', 'email'] as const
const type = fc.constantFrom(...TYPES)
const way = fc.constantFrom('exact', 'prefix', 'suffix', 'regex')
/** Also as a pattern a text that stands for itself. */
const text = fc.stringMatching(/^[a-zA-Z0-9:-]{1,12}$/)

test('a name of another type never matches', async () => {
  fc.assert(
    fc.property(type, type, way, text, fc.string(), (wantedType, type, way, wanted, value) => {
      fc.pre(wantedType !== type)
      const { matches } = sanMatcher(wantedType, way, wanted)
      return !matches({ type, value }) && !matches({ type, value: wanted })
    }),
  )
})

test('a name that matches exactly matches in every other way', async () => {
  fc.assert(
    fc.property(type, text, (type, wanted) =>
      (['exact', 'prefix', 'suffix', 'regex'] as const).every(way => {
        // An address in a certificate is written canonically.
        const exact = sanMatcher(type, way, wanted)
        return type === 'ip' && (way === 'exact' || isIPv6(wanted))
          ? true
          : exact.matches({ type, value: wanted })
      }),
    ),
  )
})

test('more than what is wanted matches a prefix or a suffix, and nothing else', async () => {
  fc.assert(
    fc.property(type, text, text, (type, wanted, more) => {
      fc.pre(type !== 'ip')
      const is = (way: SanWay, value: string): boolean =>
        sanMatcher(type, way, wanted).matches({ type, value })
      const both = [wanted + more, more + wanted]
      return (
        is('prefix', wanted + more) &&
        is('suffix', more + wanted) &&
        !both.some(value => is('exact', value) || is('regex', value))
      )
    }),
  )
})

test('no name makes a matcher throw', async () => {
  fc.assert(
    fc.property(type, way, text, fc.string({ unit: 'binary' }), (type, way, wanted, value) => {
      return typeof sanMatcher(type, way, wanted).matches({ type, value }) === 'boolean'
    }),
  )
})
