import { type Test, test } from 'tap'
import { loadPlugins } from '../../../core/plugin-host/load.js'
import { readTypedOptions } from '../../../core/plugin-host/typed-options.js'
import { makeHost, pluginLine } from './kit.js'

const SCHEMA = {
  type: 'object',
  properties: {
    url: { type: 'string', pattern: '^https?://' },
    tries: { type: 'integer', minimum: 1, default: 3 },
    ratio: { type: 'number' },
    strict: { type: 'boolean', default: false },
    hosts: { type: 'array', items: { type: 'string' }, default: [] },
    ports: { type: 'array', items: { type: 'integer' } },
    mode: { type: 'string', enum: ['soft', 'hard'] },
  },
  required: ['url'],
} as const

const URL = 'url=http://a.example/?a=b'
const read = (...tokens: string[]) => readTypedOptions(SCHEMA, pluginLine('plugins/pins.js', 3, ...tokens))

function wrong(t: Test, tokens: readonly string[], message: string | RegExp): void {
  const expected = typeof message === 'string' ? `plugin.config:3: plugin pins: ${message}` : message
  t.throws(() => read(...tokens), { code: 'PTC_PLUGIN_CONFIG_INVALID', message: expected }, tokens.join(' '))
}

test('options of a line become what the schema says', async t => {
  t.strictSame(
    {
      ...read(URL, 'tries=5', 'ratio=0.5', 'strict=true', 'hosts=a, b,', 'hosts=c', 'ports=1,2', 'mode=soft'),
    },
    {
      url: 'http://a.example/?a=b',
      tries: 5,
      ratio: 0.5,
      strict: true,
      hosts: ['a', 'b', 'c'],
      ports: [1, 2],
      mode: 'soft',
    },
  )
  const least = read(URL)
  t.strictSame({ ...least }, { url: 'http://a.example/?a=b', tries: 3, strict: false, hosts: [] }, 'defaults')
  t.ok(Object.isFrozen(least) && Object.isFrozen(least['hosts']), 'which nobody changes')
  t.strictSame(read(URL, 'hosts=')['hosts'], [], 'a list may be empty')
})

test('what does not fit is named with its line and its key', async t => {
  wrong(t, [URL, 'tris=5'], 'unknown option "tris"; did you mean tries?')
  wrong(t, [URL, 'zzzzzzzz=5'], /unknown option "zzzzzzzz"; known are url, tries, ratio/)
  wrong(t, [URL, 'strict'], 'option strict has no value; write strict=value')
  wrong(t, [URL, 'constructor=1'], /unknown option "constructor"/)
  wrong(t, [URL, '=1'], /unknown option ""/)
  wrong(t, [URL, URL], 'option url is given twice')
  wrong(t, [], 'option url is missing')
  wrong(t, ['url=ftp://a'], /option url=ftp:\/\/a must match pattern/)
  wrong(t, ['url=ftp://me:pa@55@a/b'], /option url=ftp:\/\/\*{3}@a\/b must match pattern/)
  wrong(t, [URL, 'https://me:pa55@a?b=1'], /unknown option "https:\/\/\*{3}@a\?b"/)
  for (const token of [
    'https://me:pa=55@a',
    'https:me:pa55@a',
    '//me:pa55@a',
    'https:\\\\me:pa55@a',
    'me:pa55@a',
  ])
    wrong(t, [URL, token], /unknown option "(?:https:\/\/)?\*{3}@a"/)
  wrong(t, [URL, 'ports=1,https://me:pa,55@a'], /option ports=1,https:\/\/\*{3}@a must/)
  wrong(t, [URL, 'me@a.example'], /unknown option "me@a.example"/)
  wrong(t, [URL, 'tries=many'], 'option tries=many must be integer')
  wrong(t, [URL, 'tries='], 'option tries= must be integer')
  wrong(t, [URL, 'tries=0'], 'option tries=0 must be >= 1')
  wrong(t, [URL, 'strict=yes'], 'option strict=yes must be boolean')
  wrong(t, [URL, 'ports=1,x'], 'option ports=x must be integer')
  wrong(t, [URL, 'mode=medium'], 'option mode=medium must be equal to one of the allowed values: soft, hard')
  wrong(
    t,
    ['tries=0', 'mode=medium'],
    /pins: option url is missing\n {2}option tries=0 must be .*\n {2}option mode=medium/,
  )
})

test('a schema that is none is the plugin’s mistake', async t => {
  const cases: [unknown, RegExp][] = [
    [true, /is no JSON schema of type 'object'/],
    [{ type: 'array' }, /is no JSON schema of type 'object'/],
    [{ type: 'object' }, /with properties/],
    [
      { type: 'object', properties: { a: { type: 'object' } } },
      /gives the option a no type that fits on a line/,
    ],
    [{ type: 'object', properties: { a: null } }, /gives the option a no type/],
    [{ type: 'object', properties: { a: { type: 'string', minLenght: 1 } } }, /minLenght/],
    [{ type: 'object', properties: { a: { type: 'string', pattern: '(' } } }, /is no JSON schema/],
  ]
  for (const [schema, message] of cases) {
    t.throws(() => readTypedOptions(schema, pluginLine('a')), { code: 'PTC_PLUGIN_SHAPE', message })
  }
  const none = { type: 'object', properties: {} }
  t.throws(() => readTypedOptions(none, pluginLine('a', 1, 'x=1')), { message: /; this plugin takes none$/ })
})

test('paths begin in the folder of the configuration', async t => {
  const path = { type: 'string', format: 'path' } as const
  const schema = {
    type: 'object',
    properties: {
      ca: path,
      lists: { type: 'array', items: path },
      fallback: { ...path, default: 'none.pem' },
      text: { type: 'string' },
    },
  }
  const line = pluginLine('a.js', 1, 'ca=own/ca.pem', 'lists=/abs/a,../b', 'text=own/ca.pem')
  t.strictSame(
    { ...readTypedOptions(schema, line) },
    { ca: '/conf/own/ca.pem', lists: ['/abs/a', '/b'], fallback: '/conf/none.pem', text: 'own/ca.pem' },
  )
  t.ok(Object.isFrozen(readTypedOptions(schema, line)['lists']))
})

test('a plugin finds its options in its context', async t => {
  const { dir, env, log } = makeHost()
  t.teardown(dir.remove)
  const schema = `{ type: 'object', properties: { days: { type: 'integer' } }, required: ['days'] }`
  const init = '({ options, argv, note }) => note(JSON.stringify([options, argv.length]))'
  dir.file('typed.mjs', `export const optionsSchema = ${schema}\nexport default ${init}`)
  dir.file('plain.mjs', `export default ${init}`)
  await loadPlugins([pluginLine('typed', 1, 'days=30'), pluginLine('plain', 2, 'days=30')], env)
  t.ok(log.includes('NOTE [typed] [{"days":30},2]'))
  t.ok(log.includes('NOTE [plain] [{},2]'), 'without a schema there are none')
  await t.rejects(loadPlugins([pluginLine('typed', 7, 'day=30')], env), {
    code: 'PTC_PLUGIN_CONFIG_INVALID',
    message: 'plugin.config:7: plugin typed: unknown option "day"; did you mean days?',
  })
})
