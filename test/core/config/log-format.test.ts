import { test } from 'tap'
import { type LogLayout, layoutOf, readLogFormat } from '../../../core/config/log-format.js'

const parse = (text: string, hasCertificate: boolean): LogLayout =>
  layoutOf(readLogFormat(text), hasCertificate)

test('a format of the access log', async t => {
  t.equal(parse('json', true), 'json')
  t.strictSame(parse('%<chi> a%<{User-Agent}cqh>%<{x}ssh>b', false), [
    { symbol: 'chi' },
    ' a',
    { container: 'cqh', name: 'user-agent' },
    { container: 'ssh', name: 'x' },
    'b',
  ])
  t.strictSame(parse('50%% < %<chi>', false), ['50%% < ', { symbol: 'chi' }], 'the rest is text')
  const common = parse('common', false)
  t.strictSame(parse('common', true).slice(0, common.length), common, 'a named one is a beginning')
})

/** A bad format, and what is said about it. */
const COMPLAINTS: readonly (readonly [text: string, ...wrong: string[]])[] = [
  [
    'combined',
    '"combined" is no format; write squid, common, extended, extended2, json, or a text with fields such as %<chi>',
  ],
  [
    'sqiud',
    '"sqiud" is no format; write squid, common, extended, extended2, json, or a text with fields such as %<chi>; did you mean squid?',
  ],
  ['%<chi> %<cqu>', 'there is no field "%<cqu>"; did you mean cquc?'],
  ['%<chi> %<foobar>', 'there is no field "%<foobar>"; docs/reference/log-fields.md has them all'],
  ['%<{a}xyz>', 'there is no field "%<{a}xyz>"; docs/reference/log-fields.md has them all'],
  ['%<chi %<pssc> %<crc', '"%<chi" is not closed; write >', '"%<crc" is not closed; write >'],
  ['%<{Cookie}cqh>', '%<{Cookie}cqh> holds secrets, which are not logged; remove it'],
  ['%<{set-cookie}ssh>', '%<{set-cookie}ssh> holds secrets, which are not logged; remove it'],
  ['%<{Authorization}cqh>', '%<{Authorization}cqh> holds secrets, which are not logged; remove it'],
  [
    '%<{proxy-authorization}cqh>',
    '%<{proxy-authorization}cqh> holds secrets, which are not logged; remove it',
  ],
]

test('a format that cannot be', async t => {
  for (const [text, ...wrong] of COMPLAINTS) t.strictSame(readLogFormat(text).wrong, wrong, text)
})
