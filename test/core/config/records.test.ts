/** Longer than 250 lines because the exact text of every error stands here, side by side. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { showValue } from '../../../core/config/record-value.js'
import { loadRecords, parseRecords } from '../../../core/config/records.js'
import { RECORD_NAMES, rowOf } from '../../../core/config/records-table.js'

const PROOF_OF_CONCEPT = `
CONFIG proxy.config.diags.debug.enabled INT 1
CONFIG proxy.config.diags.debug.tags STRING async_verify.*|ssl.*
CONFIG proxy.config.url_remap.remap_required INT 0
CONFIG proxy.config.ssl.client.verify.server INT 2
`

/** The message of the error, which must be PTC_RECORDS_INVALID. */
function complaint(text: string, env: Record<string, string> = {}): string {
  try {
    parseRecords(text, 'r', env)
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'PTC_RECORDS_INVALID') return error.message
    throw error
  }
  return 'no error'
}

test("the proof of concept's records.config", async t => {
  const records = parseRecords(PROOF_OF_CONCEPT, 'r')
  t.equal(records['proxy.config.diags.debug.enabled'], 1)
  t.equal(records['proxy.config.diags.debug.tags'], 'async_verify.*|ssl.*')
  t.equal(records['proxy.config.url_remap.remap_required'], 0)
  t.equal(records['proxy.config.ssl.client.verify.server'], 2)
  t.equal(records['proxy.config.ssl.client.verify.deadline'], 30_000, 'leaves the rest at its defaults')
  t.ok(Object.isFrozen(records), 'is frozen')
})

test('the table of records', async t => {
  const lines = RECORD_NAMES.map(
    name => `CONFIG ${name} ${rowOf(name).type} ${showValue(rowOf(name).default)}`,
  )
  t.strictSame(parseRecords(lines.join('\n'), 'r'), parseRecords('', 'r'), 'accepts its own defaults')
  const variables = new Set(RECORD_NAMES.map(name => name.toUpperCase().replaceAll('.', '_')))
  t.equal(variables.size, RECORD_NAMES.length, 'has no two records with one environment variable')
  for (const name of RECORD_NAMES) {
    const { enum: values, refused, nullable, default: byDefault } = rowOf(name)
    t.ok(byDefault !== null || nullable, `${name} accepts its default`)
    t.ok(refused === undefined || values !== undefined, `${name} says which values are accepted`)
  }
})

test('values are read as Traffic Server reads them', async t => {
  const read = (value: string): unknown =>
    parseRecords(`CONFIG proxy.config.http.request_header_max_size INT ${value}`, 'r')[
      'proxy.config.http.request_header_max_size'
    ]
  t.equal(read('2048'), 2048)
  t.equal(read('002048'), 2048, 'leading zeros are not octal')
  t.equal(read('128K'), 131_072, 'K is 2^10')
  t.equal(read('1M'), 1_048_576, 'M is 2^20')
  t.equal(read('0x1000'), 4096)
  t.equal(read('  \t 2048 \t\r'), 2048, 'blanks around a value do not count')
  const text = (value: string): unknown =>
    parseRecords(`CONFIG proxy.config.ssl.client.CA.cert.path STRING ${value}`, 'r')[
      'proxy.config.ssl.client.CA.cert.path'
    ]
  t.equal(text('NULL'), null)
  t.equal(text('Null'), 'Null', 'only NULL means none')
  t.equal(text('/a folder/with # blanks'), '/a folder/with # blanks', 'a value is the rest of the line')
  t.equal(
    parseRecords('\t LOCAL\tproxy.config.http.connect_ports\tSTRING\t563 \r\n', 'r')[
      'proxy.config.http.connect_ports'
    ],
    '563',
    'tabs separate, LOCAL is read as CONFIG, CRLF ends a line',
  )
})

/** A bad line, and exactly what is said about it. */
const COMPLAINTS: readonly (readonly [line: string, message: string])[] = [
  [
    'CONFIG proxy.config.ssl.client.verify.servr INT 1',
    'r:1: there is no record "proxy.config.ssl.client.verify.servr"; did you mean proxy.config.ssl.client.verify.server?',
  ],
  [
    'CONFIG proxy.config.frobnicate.everything INT 1',
    'r:1: there is no record "proxy.config.frobnicate.everything"; remove the line (docs/reference/records.md has them all)',
  ],
  [
    'CONFG proxy.config.http.connect_ports STRING 443',
    'r:1: unknown record type "CONFG"; a line is CONFIG name INT|FLOAT|STRING|COUNTER value; did you mean CONFIG?',
  ],
  [
    'CONFIG proxy.config.http.connect_ports STRNG 443',
    'r:1: unknown data type "STRNG"; a line is CONFIG name INT|FLOAT|STRING|COUNTER value; did you mean STRING?',
  ],
  [
    'CONFIG proxy.config.http.connect_ports',
    'r:1: the line is incomplete; a line is CONFIG name INT|FLOAT|STRING|COUNTER value',
  ],
  [
    'CONFIG proxy.config.http.connect_ports STRING',
    'r:1: proxy.config.http.connect_ports has no value; a line is CONFIG name INT|FLOAT|STRING|COUNTER value',
  ],
  [
    'PROCESS proxy.process.ssl.total INT 1',
    'r:1: PROCESS lines hold statistics, not settings; remove the line',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.server STRING 2',
    'r:1: proxy.config.ssl.client.verify.server is INT, not STRING',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.server INT 3',
    'r:1: proxy.config.ssl.client.verify.server: 3 is not accepted; it must be one of 0, 1, 2',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.server INT 2 # the hook',
    'r:1: proxy.config.ssl.client.verify.server: "2 # the hook" is not a whole number; put the comment on a line of its own',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.server.policy STRING enforced',
    'r:1: proxy.config.ssl.client.verify.server.policy: "enforced" is not accepted; it must be one of ENFORCED, PERMISSIVE, DISABLED',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.deadline INT 0',
    'r:1: proxy.config.ssl.client.verify.deadline: 0 is not accepted; it must be between 1 and 2147483647 (ms)',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.deadline INT 30s',
    'r:1: proxy.config.ssl.client.verify.deadline: "30s" is not a whole number; write digits, such as 30, 128K or 0x1f',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.deadline INT 30k',
    'r:1: proxy.config.ssl.client.verify.deadline: "30k" is not a whole number; write 30K',
  ],
  [
    'CONFIG proxy.config.ssl.client.verify.deadline INT 99999999T',
    'r:1: proxy.config.ssl.client.verify.deadline: "99999999T" is too large',
  ],
  [
    'CONFIG proxy.config.url_remap.remap_required INT 1',
    'r:1: proxy.config.url_remap.remap_required: 1 is not accepted; it must be 0 (Portcullis is a forward proxy and has no remap rules; with 1 they closed the proxy to everything else. Set it to 0, and write in ip_allow.yaml who may use the proxy)',
  ],
  [
    'CONFIG proxy.config.ssl.client.alpn_protocols STRING h2',
    'r:1: proxy.config.ssl.client.alpn_protocols: "h2" is not accepted; it must be one of http/1.1, h2,http/1.1, or NULL (HTTP/1.1 is always among what Portcullis offers, behind HTTP/2)',
  ],
  [
    'CONFIG proxy.config.http.server_ports STRING NULL',
    'r:1: proxy.config.http.server_ports: NULL is not accepted; it must be a list of ports',
  ],
  [
    'CONFIG proxy.config.http.server_ports STRING 8080:sll 99999',
    '2 errors\n' +
      '  r:1: proxy.config.http.server_ports: "8080:sll": unknown keyword "sll"; did you mean ssl?\n' +
      '  r:1: proxy.config.http.server_ports: "99999": "99999" is not a port; ports end at 65535',
  ],
  [
    'CONFIG proxy.config.http.connect_ports STRING 443 9-8',
    'r:1: proxy.config.http.connect_ports: "9-8" begins above its end; write 8-9',
  ],
  [
    'CONFIG proxy.config.http.connect_ports STRING https 70000',
    '2 errors\n' +
      '  r:1: proxy.config.http.connect_ports: "https" is no port; write numbers such as 443, ranges such as 1024-2047, or * for all, with blanks or commas between\n' +
      '  r:1: proxy.config.http.connect_ports: "70000": ports end at 65535',
  ],
  [
    'CONFIG proxy.config.http.connect_ports STRING ,',
    'r:1: proxy.config.http.connect_ports: the list names no port; write numbers such as 443, ranges such as 1024-2047, or * for all, with blanks or commas between',
  ],
  [
    'CONFIG proxy.config.log.format STRING %<chi> %<cqu>',
    'r:1: proxy.config.log.format: there is no field "%<cqu>"; did you mean cquc?',
  ],
  [
    'CONFIG proxy.config.diags.debug.tags STRING ssl|(',
    'r:1: proxy.config.diags.debug.tags: "ssl|(" is not a regular expression that can be used: error parsing regexp: missing closing ): `ssl|(`; the syntax is that of RE2, without look-around and back-references, with repeats up to 1000',
  ],
  [
    'CONFIG proxy.config.diags.debug.tags STRING (?!http).*',
    'r:1: proxy.config.diags.debug.tags: "(?!http).*" is not a regular expression that can be used: error parsing regexp: invalid or unsupported Perl syntax: `(?!`; the syntax is that of RE2, without look-around and back-references, with repeats up to 1000',
  ],
  [
    'CONFIG proxy.config.proxy_name STRING a\u0007b',
    'r:1: proxy.config.proxy_name: "a\\u0007b" contains control characters',
  ],
  [
    'CONFIG proxy.config.ssl.client.private_key.filename STRING key.pem',
    'r:1: a private key without a certificate; set proxy.config.ssl.client.cert.filename too',
  ],
  [
    'CONFIG proxy.config.http.parent_proxies.credentials STRING login',
    'r:1: credentials without parents; set proxy.config.http.parent_proxies too, or name the file in a line of parent.config',
  ],
]

test('a line that is wrong is refused with its place and a remedy', async t => {
  for (const [line, message] of COMPLAINTS) t.equal(complaint(line), message, line)
})

test('no error shows a password', async t => {
  const url = 'proxy.config.cluster.redis_url'
  for (const value of [
    'user:hunter2@redis:6379',
    'redis:/user:hunter2@redis',
    'redis://user:hunter2@redis x',
    'redis://hunter2\u0007',
  ])
    for (const said of [
      complaint(`CONFIG ${url} STRING ${value}`),
      complaint('', { PROXY_CONFIG_CLUSTER_REDIS_URL: value }),
    ]) {
      t.match(said, /redis_url: the value \(not shown, because it may hold a password\)/)
      t.notMatch(said, 'hunter2')
    }
  const elsewhere = complaint(`CONFIG ${url} redis://user:hunter2@redis
CONFIG proxy.config.http.server_ports STRING http://user:hunter2@a:80
CONFIG proxy.config.log.rolling_enabled INT https://hunter2@b.example/${'x'.repeat(100)}
CONFIG proxy.config.http.parent_proxies STRING user:hunter2@parent:80\u0007`)
  t.match(elsewhere, /r:1: .*r:2: .*"http:\/\/\*\*\*@a:80".*r:3: .*r:4: /s)
  t.notMatch(elsewhere, 'hunter2')
})

test('everything that is wrong is said at once, in the order of the file', async t => {
  const text = [
    '# a comment',
    'CONFIG proxy.config.ssl.client.TLSv1_2 INT 0',
    'CONFIG proxy.config.ssl.client.TLSv1_3 INT 0',
    'CONFIG proxy.config.ssl.client.TLSv1_3 INT 1',
    ...Array.from({ length: 5 }, () => ''),
    'junk',
  ].join('\n')
  t.equal(
    complaint(text),
    '3 errors\n' +
      '  r:3: TLSv1_2 and TLSv1_3 are both 0, which leaves no version of TLS; switch one on\n' +
      '  r:4: proxy.config.ssl.client.TLSv1_3 is already set at r:3; remove one of the two lines\n' +
      '  r:10: unknown record type "junk"; a line is CONFIG name INT|FLOAT|STRING|COUNTER value',
  )
})

test('a variable of the environment overrides the file', async t => {
  const line = 'CONFIG proxy.config.http.connect_ports STRING 443'
  const variable = 'PROXY_CONFIG_HTTP_CONNECT_PORTS'
  t.equal(
    parseRecords(line, 'r', { [variable]: '563', PATH: '/bin' })['proxy.config.http.connect_ports'],
    '563',
    'wins over the file',
  )
  t.equal(
    parseRecords('', 'r', { PROXY_CONFIG_SSL_CLIENT_CA_CERT_PATH: 'NULL' })[
      'proxy.config.ssl.client.CA.cert.path'
    ],
    null,
    'is read as a line is',
  )
  t.equal(
    complaint(line, { PROXY_CONFIG_HTTP_CONECT_PORTS: '1' }),
    `environment variable PROXY_CONFIG_HTTP_CONECT_PORTS: no record has this name; did you mean ${variable}?`,
    'may not set what does not exist',
  )
  t.equal(
    complaint(line, { [variable]: '' }),
    `environment variable ${variable}: proxy.config.http.connect_ports: the value is empty; write NULL to say that there is none`,
  )
  t.equal(
    complaint('', { PROXY_CONFIG_SSL_CLIENT_VERIFY_SERVER: '9' }),
    'environment variable PROXY_CONFIG_SSL_CLIENT_VERIFY_SERVER: proxy.config.ssl.client.verify.server: 9 is not accepted; it must be one of 0, 1, 2',
  )
})

test('records.config on disk', async t => {
  const folder = t.testdir({ good: { 'records.config': PROOF_OF_CONCEPT }, none: {} })
  t.equal(loadRecords(join(folder, 'good'), {})['proxy.config.ssl.client.verify.server'], 2)
  t.strictSame(
    loadRecords(join(folder, 'none'), {}),
    parseRecords('', 'records.config'),
    'a missing file sets nothing',
  )
  writeFileSync(join(folder, 'good', 'records.config'), Buffer.from([0x23, 0xff, 0xfe]))
  t.throws(() => loadRecords(join(folder, 'good'), {}), { code: 'PTC_CONFIG_UNREADABLE' }, 'must be UTF-8')
  t.doesNotThrow(() => loadRecords('etc', {}), 'etc/records.config loads')
})

test('for any text the reader returns records or PTC_RECORDS_INVALID', async t => {
  const word = fc.oneof(
    fc.constantFrom(
      'CONFIG',
      'LOCAL',
      'INT',
      'STRING',
      'FLOAT',
      '#',
      'NULL',
      '0x',
      '-',
      '1K',
      '\t',
      '\r',
      '\0',
    ),
    fc.constantFrom(...RECORD_NAMES),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const line = fc.array(word, { maxLength: 6 }).map(words => words.join(' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), lines => {
      complaint(lines.join('\n'))
    }),
  )
  t.pass()
})

test('a value that is written is read again', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_147_483_647 }),
      fc.stringMatching(/^[a-z/ ]*[a-z]$/),
      (ms, folder) => {
        const records = parseRecords(
          `CONFIG proxy.config.ssl.client.verify.deadline INT ${showValue(ms)}\n` +
            `CONFIG proxy.config.ssl.client.cert.path STRING ${showValue(folder)}`,
          'r',
        )
        return (
          records['proxy.config.ssl.client.verify.deadline'] === ms &&
          records['proxy.config.ssl.client.cert.path'] === folder.trim()
        )
      },
    ),
  )
  t.pass()
})
