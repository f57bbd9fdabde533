import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { findRule, loadRules, parseRules } from '../../../core/config/rules.js'
import { RULES_SCHEMA } from '../../../core/config/rules-schema.js'
import { makeTempDir } from '../../kit/temp-dir.js'

/** The message of the error, which must be PTC_RULES_INVALID. */
function complaint(text: string): string {
  try {
    parseRules(text, 's')
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'PTC_RULES_INVALID') return error.message
    throw error
  }
  return 'no error'
}

const PIN = 'A'.repeat(43)

test("a file in Traffic Server's form", async t => {
  const rules = parseRules(
    `sni:
- fqdn: bob.bar.com
  verify_server_policy: ENFORCED
  verify_server_properties: ALL
- fqdn: '*.Bar.com'
  verify_server_policy: DISABLED
  client_cert: bar.pem
  client_key: bar.key
`,
    's',
  )
  t.strictSame(rules, [
    {
      fqdn: 'bob.bar.com',
      verify_server_policy: 'ENFORCED',
      verify_server_properties: 'ALL',
      where: 's:2',
    },
    {
      fqdn: '*.bar.com',
      verify_server_policy: 'DISABLED',
      client_cert: 'bar.pem',
      client_key: 'bar.key',
      where: 's:5',
    },
  ])
  for (const empty of ['', '# nothing\n', 'sni:\n', 'sni: []\n'])
    t.strictSame(parseRules(empty, 's'), [], `no rules in ${JSON.stringify(empty)}`)
})

test('the first rule that matches counts', async t => {
  const rules = parseRules(
    "sni: [{fqdn: a.x.com}, {fqdn: '*.x.com'}, {fqdn: bücher.de}, {fqdn: '127.0.0.1'}, {fqdn: '*'}]",
    's',
  )
  const found = (host: string): string | undefined => findRule(rules, host)?.fqdn
  t.equal(found('a.x.com'), 'a.x.com')
  t.equal(found('A.X.com.'), 'a.x.com', 'whatever its case, with a dot at its end or not')
  t.equal(found('b.x.com'), '*.x.com')
  t.equal(found('b.a.x.com'), '*.x.com', 'a wildcard stands for any number of labels')
  t.equal(found('x.com'), '*', 'and for one at least')
  t.equal(found('.x.com'), '*', 'of one character at least')
  t.equal(found('xn--bcher-kva.de'), 'xn--bcher-kva.de', 'a rule in Unicode is for the A-label')
  t.equal(found('127.0.0.1'), '127.0.0.1')
  t.equal(findRule(rules.slice(0, 2), 'y.com'), undefined)
  const turned = parseRules("sni: [{fqdn: '*.x.com'}, {fqdn: a.x.com}]", 's')
  t.equal(findRule(turned, 'a.x.com')?.fqdn, '*.x.com', 'order matters')
})

test('mistakes are named with line, key and remedy', async t => {
  t.equal(
    complaint('sni:\n- fqdn: a\n  verify_server_polcy: ENFORCED\n'),
    's:3: unknown key "verify_server_polcy" in sni[0]; did you mean verify_server_policy?',
  )
  t.equal(
    complaint('sni:\n- fqdn: a\n  verify_server_policy: ENFORCE\n'),
    's:3: sni[0].verify_server_policy must be one of ENFORCED, PERMISSIVE, DISABLED and is "ENFORCE"; did you mean ENFORCED?',
  )
  t.equal(complaint('sni:\n- verify_server: 1\n'), 's:2: sni[0] has no "fqdn"')
  t.match(complaint('snii: []\n'), /^s:1: unknown key "snii"; did you mean sni\?$/)
  t.match(
    complaint('sni:\n- fqdn: a\n  http2: off\n'),
    /^s:3: "http2" is about the TLS of clients.*remove it$/,
  )
  t.match(
    complaint('sni:\n- fqdn: a\n  verify_server_spki: [abc]\n'),
    /^s:3: sni\[0\]\.verify_server_spki\[0\] must be the SHA-256 of a SubjectPublicKeyInfo.*and is "abc"/,
  )
  t.match(
    complaint('sni:\n- fqdn: a\n  verify_server_san:\n  - type: dns\n    regex: "("\n'),
    /^s:5: verify_server_san: "\(" is not a regular expression/,
  )
  for (const [regex, why] of [
    ['(?=a)b', 'unsupported Perl syntax'],
    ['(?<!a)b', 'invalid named capture'],
    ['(a)\\1', 'invalid escape sequence'],
    ['a{1001}', 'invalid repeat count'],
    ['(.{99}){10}', 'too large'],
  ] as const)
    t.match(
      complaint(`sni:\n- fqdn: a\n  verify_server_san:\n  - type: dns\n    regex: '${regex}'\n`),
      new RegExp(
        `^s:5: verify_server_san: "\\S+" is not .*${why}.*; the syntax is that of RE2, without look-around`,
      ),
      regex,
    )
  t.match(complaint('sni:\n- fqdn: a\n  verify_server_san: [{type: dns}]\n'), /one of exact, prefix/)
  t.match(
    complaint('sni:\n- fqdn: a\n  verify_server_san: [{type: dns, sufix: b}]\n'),
    /"sufix" in .*; did you mean suffix\?/,
  )
  t.match(complaint('sni:\n- fqdn: a\n  client_key: k.pem\n'), /^s:3: client_key: a key without/)
  t.match(
    complaint(`sni:\n- fqdn: a\n  verify_server_policy: DISABLED\n  verify_server_spki: [${PIN}=]\n`),
    /^s:4: verify_server_spki: the rule switches off the check/,
  )
  t.match(complaint('sni:\n- fqdn: a\n  fqdn: b\n'), /^s:3: Map keys must be unique/)
  t.match(complaint('sni: [\n'), /^s:\d: /, 'a mistake of syntax has its line')
  t.match(complaint('sni:\n- fqdn: a.*.b\n'), /^s:2: sni\[0\]\.fqdn must be a name.* and is "a\.\*\.b"/)
  t.match(complaint("sni:\n- fqdn: '*xn--\u00fc'\n"), /^s:2: fqdn: .* is not a name/, 'never read as *')
  t.match(
    complaint('sni:\n- fqdn: a\n  client_alpn: [h2]\n'),
    /client_alpn must be \[\], \[http\/1\.1\] or \[h2, http\/1\.1\]/,
  )
  const two = complaint('sni:\n- fqdn: a\n  verify_server: 3\n- fqdn: b\n  verify_server: 4\n')
  t.match(two, /^2 errors\n {2}s:3: .*\n {2}s:5: /, 'all at once, in order')
})

test('where the rules come from', async t => {
  const dir = makeTempDir()
  t.teardown(() => dir.remove())
  t.strictSame(
    loadRules({ path: `${dir.path}/sni.yaml`, by: 'r', mayBeMissing: true }),
    [],
    'no file, no rules',
  )
  const named = { path: `${dir.path}/rules.yaml`, by: 'r:1' }
  t.throws(() => loadRules(named), { code: 'PTC_CONFIG_UNREADABLE' }, 'a file that is named is there')
  dir.file('rules.yaml', 'sni: [{fqdn: a}]')
  t.match(loadRules(named), [{ fqdn: 'a' }])
})

test('editors are shipped the schema that the program validates with', async t => {
  const shipped: unknown = JSON.parse(
    readFileSync(new URL('../../../../etc/sni.schema.json', import.meta.url), 'utf8'),
  )
  t.strictSame(
    shipped,
    JSON.parse(JSON.stringify(RULES_SCHEMA)),
    'node dist/test/kit/reference.js --write writes it',
  )
})

test('every name of a rule is read as a host in a URL is', async t => {
  const text = [
    'sni:',
    '- fqdn: Bücher.Example.',
    '  client_sni: "Bücher.example."',
    '  verify_server_name: WWW.Example.',
    '- fqdn: b.example',
    '  client_sni_policy: "@Ü.example"',
  ].join('\n')
  t.match(parseRules(text, 's'), [
    {
      fqdn: 'xn--bcher-kva.example',
      client_sni: 'xn--bcher-kva.example',
      verify_server_name: 'www.example',
    },
    { fqdn: 'b.example', client_sni_policy: '@xn--tda.example' },
  ])
  const wrong = (line: string): string => {
    try {
      parseRules(`sni:\n- fqdn: a.example\n  ${line}\n`, 's')
      return 'no error'
    } catch (error) {
      return String(error)
    }
  }
  t.match(wrong('client_sni: 10.9.8.7'), /s:3: client_sni: "10\.9\.8\.7" is an address; write a name/)
  t.match(wrong('client_sni_policy: "@10.9.8.7"'), /s:3: client_sni_policy: .* is an address/)
  t.match(wrong('client_sni: "a..b"'), /s:3: client_sni: "a\.\.b" is not a name/)
  t.match(wrong('verify_server_name: "x,y"'), /s:3: verify_server_name: "x,y" is not a name/)
  t.match(wrong('client_sni: null'), /no error/)
  const san = (text: string): string => wrong(`verify_server_san: [${text}]`)
  t.match(
    san('{type: dns, exact: 10.9.8.7}'),
    /s:3: verify_server_san: "10\.9\.8\.7" is an address; its type is ip/,
  )
  t.match(san('{type: dns, exact: "a b"}'), /verify_server_san: "a b" is not a name/)
  t.match(san('{type: ip, exact: a.example}'), /verify_server_san: "a\.example" is not an address/)
  t.match(san('{type: dns, suffix: .b\u00fccher.example}'), /is in no name of a certificate; write .* xn--/)
  t.match(san('{type: dns, suffix: .example.}'), /no name of a certificate ends with a dot/)
  t.match(san('{type: uri, prefix: "spiffe://a/"}'), /no error/)
})

test('names in verify_server_san are read as fqdn is', async t => {
  const [rule] = parseRules(
    'sni:\n- fqdn: a.example\n  verify_server_san: [{type: dns, exact: B\u00fccher.Example.}, {type: dns, exact: "*.A.example"}, {type: ip, exact: "::1"}, {type: email, exact: A@b.example}]\n',
    's',
  )
  t.strictSame(
    rule?.verify_server_san?.map(({ exact }) => exact),
    ['xn--bcher-kva.example', '*.a.example', '::1', 'A@b.example'],
  )
})
