import fc from 'fast-check'
import { test } from 'tap'
import { withoutUrlCredentials } from '../../../../core/http/listener/client-request.js'

const head = (url: string, rawHeaders: readonly string[] = ['Host', 'x'], method = 'GET') =>
  withoutUrlCredentials({ method, url, httpVersion: '1.1', rawHeaders, isUpgrade: false })

/** What the Authorization field of a URL decodes to; undefined: none. */
const sent = (url: string): string | undefined => {
  const { rawHeaders } = head(url)
  const at = rawHeaders.indexOf('Authorization')
  if (at === -1) return undefined
  return Buffer.from(/^Basic (.*)$/.exec(rawHeaders[at + 1] ?? '')?.[1] ?? '', 'base64').toString('latin1')
}

test('name and password of a URL become an Authorization field', async t => {
  t.strictSame(head('http://ann:secret@a.test:81/p?q=x@y'), {
    method: 'GET',
    url: 'http://a.test:81/p?q=x@y',
    httpVersion: '1.1',
    rawHeaders: ['Host', 'x', 'Authorization', `Basic ${btoa('ann:secret')}`],
    isUpgrade: false,
  })
  t.equal(sent('HTTPS://ann:secret@a/'), 'ann:secret')
  t.equal(sent('http://ann@a/'), 'ann:', 'a password may be missing, and is empty then')
  t.equal(sent('http://:token@a/'), ':token')
  t.equal(sent('http://ann:a:b@a/'), 'ann:a:b')
})

test('percent signs are decoded as Squid does it', async t => {
  t.equal(sent('http://a%40b:p%2Fq%3a%25@a/'), 'a@b:p/q:%')
  t.equal(sent('http://ann:100%zz%4@a/'), 'ann:100%zz%4', 'what encodes nothing stands for itself')
  t.equal(sent('http://%C3%A9:\xc3\xa9@a/'), '\xc3\xa9:\xc3\xa9', 'bytes stay bytes')
})

test('the last @ of the authority ends the credentials, and no other part has some', async t => {
  t.equal(head('http://ann:p@q@a/').url, 'http://a/')
  t.equal(sent('http://ann:p@q@a/'), 'ann:p@q')
  for (const url of ['http://a/b@c', 'http://a?b@c', 'http://a\\b@c', '/b@c', 'ann:secret@a', '*'])
    t.strictSame(head(url), {
      method: 'GET',
      url,
      httpVersion: '1.1',
      rawHeaders: ['Host', 'x'],
      isUpgrade: false,
    })
})

test('the client may say otherwise, or nothing', async t => {
  const own = ['authorization', 'Bearer x']
  t.strictSame(head('http://ann:secret@a/', own).rawHeaders, own)
  t.equal(head('http://ann:secret@a/', own).url, 'http://a/')
  for (const url of ['http://@a/', 'http://:@a/']) {
    t.equal(head(url).url, 'http://a/')
    t.equal(sent(url), undefined)
  }
  t.equal(head('ann:secret@a:443', [], 'CONNECT').url, 'ann:secret@a:443', 'CONNECT is refused with them')
})

test('a Host field with the same credentials loses them, as Python sends it, and any other stays', async t => {
  const host = (url: string, value: string): readonly string[] =>
    head(url, ['HOST', value]).rawHeaders.slice(0, 2)
  t.strictSame(host('http://ann:secret@a:80/p', 'ann:secret@a:80'), ['HOST', 'a:80'])
  t.strictSame(host('http://ann:secret@a', 'ann:secret@a'), ['HOST', 'a'])
  t.strictSame(host('http://@a?b', '@a'), ['HOST', 'a'])
  t.strictSame(host('http://ann:se%40cret@a/', 'ann:se@cret@a'), ['HOST', 'a'], 'decoded')
  for (const [url, value] of [
    ['http://ann:secret@a/', 'ann:other@a'],
    ['http://ann:secret@a/', 'ann:secret@b'],
    ['http://a/', 'ann:secret@a'],
    ['/', 'ann:secret@a'],
  ] as const)
    t.strictSame(host(url, value), ['HOST', value], `${url}: refused where requests are checked`)
  const own = ['x', 'ann:secret@a', 'Host', 'ann:secret@a', 'ann:secret@a', 'x']
  t.strictSame(
    head('http://ann:secret@a/', own).rawHeaders.slice(0, 6),
    [...own.slice(0, 3), 'a', ...own.slice(4)],
    'no other field',
  )
})

test('whatever is in a URL, no credentials stay in it', async t => {
  const part = fc.stringMatching(/^[!-~\x80-\xff]{0,12}$/)
  fc.assert(
    fc.property(part, part, (user, rest) => {
      const { url } = head(`http://${user}@${rest}`)
      return !/^http:\/\/[^/?#\\]*@/.test(url)
    }),
  )
  t.pass()
})
