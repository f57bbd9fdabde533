import { test } from 'tap'
import { parentsOfEnvironment, parseParentUrl } from '../../../core/config/parent-env.js'
import { matches, type ParentQuestion } from '../../../core/config/parent-match.js'

type Env = Readonly<Record<string, string>>

const QUESTION: ParentQuestion = {
  scheme: 'http',
  host: 'www.example.com',
  port: 80,
  method: 'GET',
  url: 'http://www.example.com/',
  client: '127.0.0.1',
}

/** The host of the parent that a request goes through. */
function parentOf(env: Env, question: Partial<ParentQuestion> = {}): string | undefined {
  const line = parentsOfEnvironment(env).find(({ match }) => matches(match, { ...QUESTION, ...question }, 0))
  return line?.parents[0]?.host
}

test('which variable counts', async t => {
  t.equal(parentOf({ HTTP_PROXY: 'http://p:1' }), 'p')
  t.equal(parentOf({ HTTP_PROXY: 'http://p:1' }, { scheme: 'https' }), undefined)
  t.equal(parentOf({ HTTPS_PROXY: 'http://p:1' }, { scheme: 'https' }), 'p')
  t.equal(parentOf({ http_proxy: 'q:1', HTTP_PROXY: 'p:1' }), 'q', 'small letters first')
  t.equal(parentOf({ http_proxy: '', HTTP_PROXY: 'p:1' }), 'p', 'an empty one is none')
  for (const scheme of ['http', 'https'] as const) {
    t.equal(parentOf({ ALL_PROXY: 'p:1' }, { scheme }), 'p')
    t.equal(parentOf({ ALL_PROXY: 'p:1', HTTP_PROXY: 'q:1' }, { scheme }), scheme === 'http' ? 'q' : 'p')
  }
  t.same(parentsOfEnvironment({}), [])
  t.same(parentsOfEnvironment({ NO_PROXY: 'a.test' }), [])
  t.notOk(
    parentsOfEnvironment({ HTTP_PROXY: 'p:1' }).some(({ goesDirect }) => goesDirect),
    'nothing goes past it',
  )
})

test('NO_PROXY', async t => {
  const goes = (except: string, host: string): boolean =>
    parentOf({ ALL_PROXY: 'p:1', NO_PROXY: except }, { host }) === 'p'
  for (const [except, host, expected] of [
    ['*', 'any.test', false],
    ['example.com', 'example.com', false],
    ['example.com', 'www.example.com', false],
    ['.example.com', 'example.com', false],
    ['example.com.', 'www.example.com', false],
    ['example.com', 'notexample.com', true],
    ['a.test, b.test', 'b.test', false],
    ['a.test b.test', 'b.test', false],
    ['192.168.0.0/16', '192.168.1.2', false],
    ['192.168.0.0/16', '192.169.1.2', true],
    ['192.168.0.0/16', 'a.test', true],
    ['127.0.0.1', '127.0.0.1', false],
    ['[::1]', '::1', false],
    ['::1', '::1', false],
    ['2001:db8::/32', '2001:db8::5', false],
    ['EXAMPLE.com', 'www.example.com', false],
  ] as const)
    t.equal(goes(except, host), expected, `${except} ${host}`)
  t.throws(() => parentOf({ ALL_PROXY: 'p:1', NO_PROXY: 'a..b' }), { message: /NO_PROXY names no host/ })
})

test('URLs', async t => {
  const read = (text: string) => parseParentUrl(text, 'X')
  t.match(read('p:3128'), { entry: { scheme: 'http', host: 'p', port: 3128 } })
  t.match(read('http://p'), { entry: { port: 1080 } })
  t.match(read('https://p/'), { entry: { scheme: 'https', port: 443 } })
  t.match(read('socks5h://[::1]:9'), { entry: { scheme: 'socks5', host: '::1', port: 9 } })
  t.same(read('http://us%40er:p%3Aw:x@p:1').credentials, { kind: 'basic', user: 'us@er', password: 'p:w:x' })
  for (const text of [
    '',
    'socks4://p:1',
    'ftp://p:1',
    'http://p:1/path',
    'http://:secret@p:1',
    'http://a%ff:secret@p:1',
    'http://secret@p:x',
  ])
    try {
      read(text)
      t.fail(text)
    } catch (error) {
      t.match(error, { code: 'PTC_PARENT_CONFIG_INVALID', message: /^X / }, text)
      t.notMatch(String(error), /secret/)
    }
})
