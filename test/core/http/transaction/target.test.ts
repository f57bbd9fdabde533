import { test } from 'tap'
import type { ClientRequest } from '../../../../core/http/listener/client-request.js'
import {
  effectiveUrl,
  parseConnectTarget,
  parseRequestTarget,
} from '../../../../core/http/transaction/target.js'

test('absolute-form targets', async t => {
  const good: readonly (readonly [string, object])[] = [
    ['http://a.example/', { scheme: 'http', host: 'a.example', port: 80, path: '/', authority: 'a.example' }],
    [
      'HTTPS://A.Example:443/X?y',
      { scheme: 'https', host: 'a.example', port: 443, path: '/X?y', authority: 'a.example' },
    ],
    ['https://a:8443', { port: 8443, path: '/', authority: 'a:8443' }],
    ['http://a:?q', { port: 80, path: '/?q' }],
    ['http://a./', { host: 'a', authority: 'a' }],
    ['http://127.0.0.1:81/', { host: '127.0.0.1', authority: '127.0.0.1:81' }],
    ['http://[0:0::1]:81/', { host: '::1', authority: '[::1]:81' }],
    ['https://[2001:DB8::1]/', { host: '2001:db8::1', authority: '[2001:db8::1]' }],
    ['http://a_b.example/', { host: 'a_b.example' }],
    ['http://-a-.example./', { host: '-a-.example', authority: '-a-.example' }],
    ['http://[::ffff:127.0.0.1]/', { host: '127.0.0.1', authority: '127.0.0.1' }],
    ['http://a/../b//c?d=http://e', { path: '/../b//c?d=http://e' }],
    [`http://${Buffer.from('bücher.example').toString('latin1')}/`, { host: 'xn--bcher-kva.example' }],
  ]
  for (const [text, expected] of good) t.match(parseRequestTarget('GET', text), expected, text)
  t.match(parseRequestTarget('OPTIONS', 'http://a'), { path: '*' }, 'OPTIONS about the server itself')
  t.match(parseRequestTarget('OPTIONS', 'http://a/'), { path: '/' })
})

test('targets that are refused', async t => {
  const bad = [
    'http://',
    'http:///x',
    'http://:80/',
    'http://a b/',
    'http://a:b/',
    'http://a:1:2/',
    'http://a:-1/',
    'http://a:99999/',
    'http://[::1',
    'http://[::1]x/',
    'http://[fe80::1%25eth0]/',
    'http://[127.0.0.1]/',
    'http://::1/',
    'http://a..b/',
    'http://a../',
    'http://[::1]./',
    'http://a%2eb/',
    'http://127.1/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://1.2.3.4.5/',
    'http://256.1.1.1/',
    'http://u@a/',
    'http://a/#x',
    'http://a\\@b/',
    'http://\xff/',
    `http://${'a'.repeat(64)}/`,
    `http://${'a.'.repeat(127)}aa/`,
    '/',
    '*',
    'a.example',
    'a.example:443',
    '//a/',
    '://a/',
    '',
  ]
  for (const text of bad)
    t.throws(() => parseRequestTarget('GET', text), { code: 'PTC_REQUEST_TARGET' }, JSON.stringify(text))
  for (const text of ['ftp://a/', 'ws://a/', 'file:///etc/passwd', 'mailto:a@b', 'javascript:alert(1)']) {
    t.throws(() => parseRequestTarget('GET', text), { code: 'PTC_REQUEST_SCHEME' }, text)
  }
})

test('targets of CONNECT', async t => {
  t.same(parseConnectTarget('A.example:443'), { host: 'a.example', isAddress: false, port: 443 })
  t.same(parseConnectTarget('[::1]:8443'), { host: '::1', isAddress: true, port: 8443 })
  for (const text of ['a.example', 'a:', 'a:0', 'http://a/', 'u@a:1', '', ':443', '::1:443', 'a:443/x']) {
    t.throws(() => parseConnectTarget(text), { code: 'PTC_CONNECT_TARGET' }, JSON.stringify(text))
  }
})

test('the effective URL comes from the target, the connection and the Host field', async t => {
  const of = (url: string, origin?: string, host?: string): string =>
    effectiveUrl({ url, client: { origin }, headers: { host } } as unknown as ClientRequest)
  const origin = 'https://a.example:8443'
  t.equal(of('/x?y'), '/x?y', 'the proxy itself')
  t.equal(of('http://b.example/x', undefined, 'c.example'), 'http://b.example/x', 'the absolute form wins')
  t.equal(of('/x?y', origin, 'a.example:8443'), 'https://a.example:8443/x?y')
  t.equal(of('/x', origin), 'https://a.example:8443/x', 'HTTP/1.0 may leave the Host field out')
  t.equal(of('/x', origin, ''), 'https://a.example:8443/x')
  t.equal(of('/x', origin, 'b.example'), 'https://b.example/x', 'a name that is refused')
  t.equal(of('*', origin, 'a.example:8443'), 'https://a.example:8443')
  t.equal(of('https://b.example/x', origin, 'c.example'), 'https://b.example/x')
  t.equal(of('x', origin, 'a.example:8443'), 'x', 'what is no form of a request-target')
})
