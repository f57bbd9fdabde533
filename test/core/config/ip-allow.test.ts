import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { type IpAllow, loadIpAllow, parseIpAllow } from '../../../core/config/ip-allow.js'
import type { ClientRequest } from '../../../core/http/listener/client-request.js'
import { makeAccess } from '../../../core/program/wiring/inbound/access.js'
import type { Configuration } from '../../../core/settings/settings.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const rule = (...lines: readonly string[]): string => `  - ${['apply: in', ...lines].join('\n    ')}\n`
const file = (...rules: readonly string[]): string =>
  rules.length === 0 ? 'ip_allow: []\n' : `ip_allow:\n${rules.join('')}`
/** What decides against a client at an address; undefined if it may. */
function denialOf(ipAllow: IpAllow, remoteAddress: string, method: string): string | undefined {
  const { admit } = makeAccess({ settings: { access: {} }, ipAllow } as Configuration)
  const client: Partial<ClientRequest['client']> = { remoteAddress, handshakes: [] }
  const denial = admit({ method, client } as ClientRequest)
  return denial === undefined ? undefined : /\((.*)\)$/.exec((denial as Error).message)?.[1]
}
/** Those of the addresses that may use the method. */
const allowed = (text: string, method: string, ...addresses: readonly string[]): readonly string[] =>
  addresses.filter(address => denialOf(parseIpAllow(text, '/x/ip_allow.yaml'), address, method) === undefined)

test('ip_allow.yaml', async t => {
  const text = file(
    rule('ip_addrs: 10.0.0.7', 'action: deny'),
    rule('ip_addrs: [10.0.0.0/8, 192.168.1.1-192.168.1.9, "2001:db8::/32"]', 'action: allow', 'methods: ALL'),
    rule('ip_addrs: ::1', 'action: allow', 'methods: [GET, HEAD]'),
    rule('ip_addrs: 0/0', 'action: deny', 'methods: PURGE|PUSH'),
  )
  t.strictSame(
    allowed(text, 'CONNECT', '10.0.0.6', '10.0.0.7', '192.168.1.9', '2001:db8::5', '::1', '2001:db9::1'),
    ['10.0.0.6', '192.168.1.9', '2001:db8::5'],
    'lets the first rule decide that an address matches',
  )
  t.strictSame(allowed(text, 'GET', '::1', '10.0.0.7'), ['::1'], 'allows some methods')
  t.strictSame(allowed(text, 'GET', '8.8.8.8', '2001:db9::1'), ['8.8.8.8'], 'denies some methods')
  t.strictSame(allowed(text, 'PUSH', '8.8.8.8'), [])
  t.strictSame(
    allowed(text, 'GET', '::ffff:10.0.0.6', '::ffff:10.0.0.7'),
    ['::ffff:10.0.0.6'],
    'sees an IPv4 client of an IPv6 port',
  )
  t.strictSame(allowed(file(), 'GET', '127.0.0.1'), [], 'without a rule serves nobody')
  t.strictSame(allowed(text, 'GET', '', 'nonsense'), [], 'serves nobody without an address')
  t.equal(denialOf(parseIpAllow(text, '/x/ip_allow.yaml'), '10.0.0.7', 'GET'), 'ip_allow.yaml:2')
  t.match(denialOf(parseIpAllow(text, '/x/ip_allow.yaml'), '::2', 'GET'), /no rule of ip_allow.yaml matches/)
})

test('a rule about IPv6 decides about no IPv4 client', async t => {
  const text = file(
    rule('ip_addrs: ["::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]', 'action: allow'),
    rule('ip_addrs: 10.0.0.0/8', 'action: allow', 'methods: GET'),
  )
  const clients = ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '10.0.0.1', '2001:db8::1']
  t.strictSame(allowed(text, 'CONNECT', ...clients), ['2001:db8::1'])
  t.strictSame(allowed(text, 'GET', ...clients), ['10.0.0.1', '2001:db8::1'])
})

test('a rule in the form of IPv6 decides about IPv4 clients, and the first rule about all spellings', async t => {
  const text = file(
    rule('ip_addrs: "::ffff:10.0.0.7"', 'action: deny'),
    rule('ip_addrs: 10.0.0.0/8', 'action: allow', 'methods: [get, head]'),
    rule('ip_addrs: 10.0.0.0/8', 'action: allow'),
  )
  const clients = [
    '10.0.0.7',
    '::ffff:10.0.0.7',
    '::ffff:a00:7',
    '10.0.0.8',
    '::ffff:10.0.0.8',
    '::ffff:a00:8',
  ]
  t.strictSame(allowed(text, 'GET', ...clients), clients.slice(3))
  for (const method of ['CONNECT', 'POST', 'PROPFIND', 'get', ''])
    t.strictSame(allowed(text, method, ...clients), [], `${method}: the rule before allows it to nobody`)
})

test('mistakes in ip_allow.yaml are named with their line', async t => {
  const wrong = (text: string): string => {
    try {
      parseIpAllow(text, 'f')
      return ''
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }
  t.match(wrong('ip_alow: []'), 'f:1: unknown key "ip_alow"; did you mean ip_allow?')
  t.match(wrong(file(rule('ip_addrs: ::1', 'acton: allow'))), /f:4: unknown key "acton" in ip_allow\[0\]/)
  t.match(
    wrong(file(rule('ip_addrs: ::1', 'action: alow'))),
    'f:4: ip_allow[0].action must be one of allow, deny',
  )
  t.match(wrong(file(rule('action: allow'))), 'f:2: ip_allow[0] has no "ip_addrs"')
  t.match(
    wrong(file(rule('ip_addrs:', '  - 10.0.0.0/33', '  - ::9-::1', 'action: deny'))),
    /10\.0\.0\.0\/33.*\n.*::9-::1/,
  )
  t.match(
    wrong(file(rule('ip_addrs: ::1-10.0.0.1', 'action: deny'))),
    'f:3: ip_allow[0].ip_addrs: "::1-10.0.0.1"',
  )
  t.match(
    wrong(file(rule('ip_addrs: ::1', 'action: allow', 'methods: "G@T"'))),
    'f:5: ip_allow[0].methods: "G@T" is no method; did you mean GET?',
  )
  t.match(
    wrong(file(rule('ip_addrs: ::1', 'action: deny', 'methods: [PUSH, delte]'))),
    /^f:5: ip_allow\[0\]\.methods: "delte" is no method; did you mean DELETE\?$/,
    'which would deny nothing',
  )
  t.match(
    wrong('ip_allow:\n  - apply: out\n    ip_addrs: ::1\n    action: allow\n'),
    /f:2: .*apply must be in \(proxy\.config\.http\.deny_private_origins is about origins\) and is "out"/,
  )
  t.match(wrong('ip_allow: [\n'), /f:2: /, 'a text that is no YAML')
  t.match(
    wrong(file(rule('ip_addrs: ::1', 'action: allow', 'action: deny'))),
    /f:5: .*unique/,
    'a key given twice',
  )
  t.match(wrong(''), 'f:1: the file must be the key ip_allow with a list of rules')
  t.match(wrong('src_ip=0.0.0.0 action=ip_allow'), 'f:1: the file must be the key ip_allow with a list of')
  t.match(wrong('ip_allow: 1'), 'f:1: ip_allow must be a list of rules')
})

test('without ip_allow.yaml this machine alone is served', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const missing = loadIpAllow({ path: `${dir.path}/ip_allow.yaml`, by: 'r', mayBeMissing: true })
  t.equal(denialOf(missing, '127.0.0.1', 'GET'), undefined)
  t.equal(denialOf(missing, '::1', 'CONNECT'), undefined)
  t.match(denialOf(missing, '10.0.0.1', 'GET'), /there is no ip_allow.yaml/)
  t.throws(
    () => loadIpAllow({ path: `${dir.path}/other.yaml`, by: 'r' }),
    { code: 'PTC_CONFIG_UNREADABLE' },
    'a name of one’s own must exist',
  )
  const shipped = readFileSync(
    fileURLToPath(new URL('../../../../etc/ip_allow.yaml', import.meta.url)),
    'utf8',
  )
  t.strictSame(
    allowed(shipped, 'CONNECT', '127.0.0.1', '::1', '10.0.0.1', '2001:db8::1'),
    ['127.0.0.1', '::1'],
    'which is also what the shipped file says',
  )
})
