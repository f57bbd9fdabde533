import fc from 'fast-check'
import { test } from 'tap'
import { authorityText, parseAuthority } from '../../../core/base/authority.js'
import { parseHost } from '../../../core/base/host.js'

const bytes = (text: string): string => Buffer.from(text).toString('latin1')

test('hosts have one form, however they are written', async t => {
  const cases: Record<string, [host: string, isAddress: boolean]> = {
    'A.Example': ['a.example', false],
    'a.example.': ['a.example', false],
    '-a-.b_.example': ['-a-.b_.example', false],
    'bücher.example': ['xn--bcher-kva.example', false],
    '127.0.0.1': ['127.0.0.1', true],
    '127.0.0.1.': ['127.0.0.1', true],
    '[0:0::1]': ['::1', true],
    '[::FFFF:127.0.0.1]': ['127.0.0.1', true],
    '[::ffff:7f00:1]': ['127.0.0.1', true],
    '[2001:DB8::1]': ['2001:db8::1', true],
  }
  for (const [text, [host, isAddress]] of Object.entries(cases)) {
    t.strictSame(parseAuthority(bytes(text)), { host, isAddress, port: undefined }, text)
    t.strictSame(parseAuthority(bytes(`${text}:8443`)), { host, isAddress, port: 8443 }, `${text}:8443`)
  }
})

test('malformed hosts and ports are refused', async t => {
  for (const text of [
    ...[
      '',
      ':80',
      'a..b',
      '.a',
      'a..',
      'a b',
      'a/b',
      'a:b',
      'a:0',
      'a:65536',
      'a:1:2',
      '::1',
      '[::1',
      '[::1]x',
      'u@a',
    ],
    ...[
      '[a]',
      '[127.0.0.1]',
      '[fe80::1%eth0]',
      '127.1',
      '0x7f.1',
      '1.2.3.4.5',
      'a\0',
      '\xff',
      'a%2eb',
      '*.a',
    ],
    `${'a'.repeat(64)}.example`,
  ])
    t.ok('wrong' in parseAuthority(text), JSON.stringify(text))
})

test('a form that was made means itself', async t => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40, unit: 'binary' }), text => {
      const host = parseHost(text)
      if (host === undefined) return true
      const again = parseHost(host.name)
      return again?.name === host.name && again.isAddress === host.isAddress
    }),
    { numRuns: 3000 },
  )
  fc.assert(
    fc.property(
      fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()),
      fc.integer({ min: 1, max: 65_535 }),
      (text, port) => {
        const host = parseHost(text)
        if (host === undefined) return !/[a-z]$/i.test(text) || text.length > 253
        const parsed = parseAuthority(authorityText(host.name, port))
        return !('wrong' in parsed) && parsed.host === host.name && parsed.port === port
      },
    ),
  )
  t.pass()
})
