import { test } from 'tap'
import { type ParentLine, parseParentConfig } from '../../../core/config/parent-config.js'
import { loadParentCredentials } from '../../../core/config/parent-credentials.js'
import { matches, type ParentQuestion } from '../../../core/config/parent-match.js'
import { loadParents } from '../../../core/config/parents.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const only = (text: string): ParentLine => {
  const [line] = parseParentConfig(text, 'parent.config')
  if (line === undefined) throw new Error('no line')
  return line
}

const QUESTION: ParentQuestion = {
  scheme: 'http',
  host: 'www.example.com',
  port: 8080,
  method: 'GET',
  url: 'http://www.example.com:8080/a/b.gif?c',
  client: '10.1.2.3',
}
const NOON = 12 * 60

const isFor = (text: string, question: Partial<ParentQuestion> = {}, minutes = NOON): boolean =>
  matches(only(`${text} go_direct=true`).match, { ...QUESTION, ...question }, minutes)

test('destinations', async t => {
  t.ok(isFor('dest_domain=.'))
  for (const text of ['example.com', '.example.com', 'EXAMPLE.com.', 'www.example.com'])
    t.ok(isFor(`dest_domain=${text}`), text)
  t.notOk(isFor('dest_domain=ample.com'), 'names are compared by labels')
  t.ok(isFor('dest_host=www.example.com'))
  t.notOk(isFor('dest_host=example.com'))
  t.ok(isFor('dest_domain=münchen.example', { host: 'www.xn--mnchen-3ya.example' }))
  t.ok(isFor('dest_ip=192.0.2.0-192.0.2.9', { host: '192.0.2.3' }))
  t.ok(isFor('dest_ip="192.0.2.0 - 192.0.2.9, 10.0.0.1"', { host: '192.0.2.3' }))
  t.ok(isFor('dest_ip=192.0.2.0/24', { host: '192.0.2.3' }))
  t.ok(isFor('dest_ip=2001:db8::/32', { host: '2001:db8::1' }))
  t.notOk(isFor('dest_ip=0.0.0.0/0'), 'a name is no address')
  t.ok(isFor('url_regex=\\.gif'))
  t.ok(isFor('url_regex=^http://www'))
  t.notOk(isFor('url_regex=^www'))
})

test('what else must be true', async t => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['port=8080', true],
    ['port=8000-8999', true],
    ['port=80', false],
    ['scheme=http', true],
    ['scheme=https', false],
    ['method=get', true],
    ['method=CONNECT', false],
    ['prefix=a/', true],
    ['prefix=/a', true],
    ['prefix=b', false],
    ['suffix=gif', true],
    ['suffix=c', false],
    ['src_ip=10.0.0.0/8', true],
    ['src_ip=192.168.0.0/16', false],
    ['time=08:00-12:01', true],
    ['time=08:00-12:00', false],
    ['time=22:00-06:00', false],
  ]
  for (const [text, expected] of rows) t.equal(isFor(`dest_domain=. ${text}`), expected, text)
  t.ok(isFor('dest_domain=. time=22:00-06:00', {}, 23 * 60))
  t.ok(isFor('dest_domain=. time=22:00-06:00', {}, 60))
  t.ok(isFor('dest_domain=. src_ip=10.0.0.0/8', { client: '::ffff:10.0.0.1' }))
})

test('parents, and how they are used', async t => {
  const line = only(
    'dest_domain=. parent="p1:3128|1;p2.example:3128|2.5&name" secondary_parent=https://p3:1,socks5://[::1]:1080 round_robin=consistent_hash qstring=ignore',
  )
  t.match(line.parents, [
    { scheme: 'http', host: 'p1', port: 3128, weight: 1, hashedAs: 'p1:3128' },
    { scheme: 'http', host: 'p2.example', port: 3128, weight: 2.5, hashedAs: 'name' },
  ])
  t.match(line.secondary, [
    { scheme: 'https', host: 'p3', port: 1 },
    { scheme: 'socks5', host: '::1', port: 1080 },
  ])
  t.match(line, { selection: 'by url', goesDirect: true, isProxy: true, hashesQuery: false })
  t.match(only('dest_domain=. parent=p:1 round_robin=strict go_direct=false'), {
    selection: 'in turn',
    goesDirect: false,
  })
  t.match(only('dest_domain=. parent=p:1 parent_is_proxy=false'), { selection: 'listed', isProxy: false })
})

test('every mistake is named, with file and line', async t => {
  const mistakes: readonly (readonly [string, RegExp])[] = [
    ['parent=p:1', /has none/],
    ['dest_domain=. dest_host=a parent=p:1', /dest_domain and dest_host/],
    ['dest_domain=. parnet=p:1', /unknown key "parnet"; did you mean parent\?/],
    ['dest_domain=. parent=p:1 parent_retry=simple_retry', /parent_retry is not supported/],
    ['dest_domain=. parent=p:1 tag=x', /tag is not supported/],
    ['dest_domain=. parent=p:1 parent=q:1', /parent is given twice/],
    ['dest_domain=. parent="p:1', /is not key=value/],
    ['dest_domain=. parent=p', /has no port/],
    ['dest_domain=. parent=ftp://p:1', /not by "ftp"/],
    ['dest_domain=. parent=http://user:secret@p:1', /credentials=FILE/],
    ['dest_domain=. parent=p:1|0', /weight/],
    ['dest_domain=. parent=";"', /names no parent/],
    ['dest_domain=. go_direct=false', /no request could be served/],
    ['dest_domain=. go_direct=maybe', /must be true or false/],
    ['dest_domain=. parent=p:1 round_robin=weighted', /round_robin must be/],
    ['dest_domain=a_b..c parent=p:1', /dest_domain is no host name/],
    ['dest_ip=10.0.0.0/99 parent=p:1', /dest_ip cannot be read: "10\.0\.0\.0\/99" is no address/],
    ['dest_ip="" parent=p:1', /dest_ip cannot be read: the list names no address/],
    ['url_regex=( parent=p:1', /url_regex .*regular expression/],
    ['dest_domain=. port=99999 parent=p:1', /port is no port/],
    ['dest_domain=. time=8-9 parent=p:1', /time must be/],
    ['dest_domain=. scheme=ftp parent=p:1', /scheme must be/],
    ['dest_domain=. parent=https://p:1 parent_is_proxy=false', /reached by http/],
  ]
  for (const [text, why] of mistakes)
    t.throws(() => parseParentConfig(`# one\n\n${text}\n`, 'parent.config'), {
      code: 'PTC_PARENT_CONFIG_INVALID',
      message: new RegExp(`^parent\\.config:3: .*${why.source}`, 's'),
    })
  t.throws(() => parseParentConfig('x\ny\n', 'f'), { message: /^2 errors\n {2}f:1: .*\n {2}f:2: / })
  for (const parent of [
    'http://user:secret@p:1',
    'ftp://user:secret@p:1',
    '"http://user:secret;more@p:1"',
    'http://user:secret|more@p:1',
    'http://user:secret&more@p:1',
    'http://user:secret more@p:1',
    'http://user:secret"more@p:1',
  ])
    t.throws(
      () => parseParentConfig(`dest_domain=. parent=${parent}`, 'f'),
      { message: /^f:1: a parent carries a user name or password; (?!.*(?:secret|more))/ },
      parent,
    )
})

test('credentials', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const read = (text: string) => loadParentCredentials(dir.file('login', text), 'here')
  t.same(read('# x\nbasic ann:a:b c\n'), { kind: 'basic', user: 'ann', password: 'a:b c' })
  t.same(read('Bearer abc.def==\n'), { kind: 'bearer', token: 'abc.def==' })
  for (const text of [
    '',
    'ann:secret',
    'basic secret',
    'basic :secret',
    'bearer a b',
    'basic a:b\nbasic c:d',
  ])
    t.throws(() => read(text), {
      code: 'PTC_PARENT_CONFIG_INVALID',
      message: /^here: .* must hold one line, basic USER:PASSWORD or bearer TOKEN$/,
    })
  for (const written of ['"basic ann:secret"', 'ann:secret', '"bearer secret"'])
    t.throws(() => parseParentConfig(`dest_domain=. parent=p:1 credentials=${written}`, 'f'), {
      message: /^f:1: credentials names a file without blanks and colons; (?!.*secret)/,
    })
  t.throws(
    () =>
      parseParentConfig(
        'dest_domain=. parent=p:1 credentials=none\ndest_domian=.',
        `${dir.path}/parent.config`,
      ),
    {
      code: 'PTC_PARENT_CONFIG_INVALID',
      message: /:1: credentials: cannot read .*:2: unknown key "dest_domian"/s,
    },
    'a file that cannot be read hides no other mistake',
  )
  dir.file('token', 'bearer abc\n')
  t.throws(
    () =>
      parseParentConfig('dest_domain=. parent=socks5://p:1 credentials=token', `${dir.path}/parent.config`),
    { message: /socks5 parent takes basic/ },
  )
  const sources = {
    file: { path: `${dir.path}/none`, by: 'file', mayBeMissing: true },
    others: 'p:1;socks5://p:1',
    othersBy: 'others',
    othersCredentials: { path: `${dir.path}/token`, by: 'login' },
    fromEnvironment: false,
  }
  t.throws(() => loadParents(sources, {}), { message: /^login: a socks5 parent takes basic/ })
  t.match(loadParents({ ...sources, others: 'p:1' }, {}), [{ credentials: { kind: 'bearer' } }])
})
