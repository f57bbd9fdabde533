import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { loadPluginConfig, type PluginLine, parsePluginConfig } from '../../../core/config/plugin-config.js'
import { parseRecords } from '../../../core/config/records.js'

const records = parseRecords('', 'r')
const parse = (text: string): readonly PluginLine[] => parsePluginConfig(text, 'p', records)

/** The message of the error, which must be PTC_PLUGIN_CONFIG_INVALID. */
function complaint(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'PTC_PLUGIN_CONFIG_INVALID') return error.message
    throw error
  }
  return 'no error'
}

const DEFAULT = { isolate: 'none', mode: 'enforce', late: 'reject' }

test("the proof of concept's plugin.config", async t => {
  t.strictSame(parse('async_verify.so\n'), [
    {
      file: 'p',
      line: 1,
      path: 'async_verify.so',
      name: 'async_verify',
      argv: ['async_verify.so'],
      options: DEFAULT,
    },
  ])
})

test("lines are cut as Traffic Server's tokenizer cuts them", async t => {
  const argv = (line: string): readonly string[] => parse(line)[0]?.argv ?? []
  t.strictSame(argv(' \t a.so  b\tc \r'), ['a.so', 'b', 'c'], 'at blanks, tabs and carriage returns')
  t.strictSame(argv('a.so "b c" ""'), ['a.so', 'b c', ''], 'except in quotes')
  t.strictSame(argv('a.so "b\\" c'), ['a.so', 'b\\', 'c'], 'where there are no escapes')
  t.strictSame(argv('a.so b"c d"'), ['a.so', 'b"c', 'd"'], 'and which only the beginning of a token opens')
  t.strictSame(argv('a.so "b # c" # d'), ['a.so', 'b # c'], '# begins a comment outside of quotes')
  t.strictSame(argv('a.so "b"# c'), ['a.so', 'b'], 'also right after a quote')
  t.strictSame(argv('a.so http://x/#y '), ['a.so', 'http://x/#y'], 'but not inside the last token')
  t.strictSame(parse('\n  # nothing\r\n\t\n'), [], 'empty lines and comments name no plugin')
  t.strictSame(argv(`a.so ${'b '.repeat(63)}`).length, 64, 'a line may have 64 tokens')
})

test('the name of a plugin is its file without the extension', async t => {
  const name = (line: string): string | undefined => parse(line)[0]?.name
  t.equal(name('/opt/lib/pins.so'), 'pins')
  t.equal(name('pins.mjs'), 'pins')
  t.equal(name('pins'), 'pins')
  t.equal(name('pins.v2'), 'pins.v2', 'and what is no extension of a plugin belongs to the name')
  t.equal(name('"my plugins/pins.js"'), 'pins')
})

test('$ puts in the value of a record', async t => {
  t.strictSame(
    parse('a.so $proxy.config.http.connect_ports "$proxy.config.ssl.client.verify.deadline" x$y')[0]?.argv,
    ['a.so', '443', '30000', 'x$y'],
  )
  t.equal(
    complaint('a.so $proxy.config.http.conect_ports'),
    'p:1: a token that begins with $ names a record, and there is none called "proxy.config.http.conect_ports"; did you mean proxy.config.http.connect_ports?',
  )
  t.equal(
    complaint('a.so $proxy.config.proxy_name'),
    'p:1: the record proxy.config.proxy_name is NULL; $proxy.config.proxy_name would stand for nothing',
  )
  t.match(complaint('a.so $toString'), 'there is none called "toString"')
})

test('tokens that begin with @ and come before the arguments', async t => {
  const [line] = parse('a.so @deadline=5000 @isolate=worker @mode=shadow @late=builtin b @mode=x')
  t.strictSame(line?.options, { deadline: 5000, isolate: 'worker', mode: 'shadow', late: 'builtin' })
  t.strictSame(line?.argv, ['a.so', 'b', '@mode=x'], 'later ones are arguments')
  t.strictSame(parse('a.so "@mode=x"')[0]?.argv, ['a.so', '@mode=x'], 'quoted ones are arguments')
  t.strictSame(parse('a.so @mode=enforce')[0]?.options, DEFAULT)
})

/** A bad line, and exactly what is said about it. */
const COMPLAINTS: readonly (readonly [line: string, message: string])[] = [
  ['a.so "b', 'p:1: a quote is opened and never closed; a token in quotes ends at the next "'],
  ['a.so "b"c', 'p:1: a blank must follow the quote that closes "b"; there are no escapes'],
  [
    'a.so b#c d',
    'p:1: # inside a token does not begin a comment; put a blank before it ("b #") or the token in quotes',
  ],
  ['a.so b\0', 'p:1: the line contains a NUL character'],
  [`a.so ${'b'.repeat(1019)}`, 'p:1: the line is longer than 1023 bytes'],
  [`a.so ${'b '.repeat(64)}`, 'p:1: the line has 65 tokens; at most 64 are allowed'],
  ['""', 'p:1: "" names no plugin; a line begins with the path of a plugin'],
  ['plugins/', 'p:1: "plugins/" names no plugin; a line begins with the path of a plugin'],
  ['.so', 'p:1: ".so" names no plugin; a line begins with the path of a plugin'],
  ['@mode=shadow a.so', 'p:1: "@mode=shadow" names no plugin; a line begins with the path of a plugin'],
  ['a.so @dedline=1', 'p:1: unknown option "@dedline"; did you mean @deadline?'],
  ['a.so @x', 'p:1: unknown option "@x"; the options are @deadline, @isolate, @mode, @late'],
  ['a.so @deadline=5s', 'p:1: @deadline: "5s" is not a number of milliseconds from 1 to 2147483647'],
  ['a.so @deadline=0', 'p:1: @deadline: "0" is not a number of milliseconds from 1 to 2147483647'],
  ['a.so @deadline', 'p:1: @deadline: "" is not a number of milliseconds from 1 to 2147483647'],
  [
    'a.so @mode=shadwo',
    'p:1: @mode: "shadwo" is not accepted; it must be one of enforce, shadow; did you mean shadow?',
  ],
  ['a.so @mode=loud', 'p:1: @mode: "loud" is not accepted; it must be one of enforce, shadow'],
  ['a.so @isolate=process', 'p:1: @isolate: "process" is not accepted; it must be one of none, worker'],
  ['a.so @late=accept', 'p:1: @late: "accept" is not accepted; it must be one of reject, builtin'],
  ['a.so @mode=shadow @mode=enforce', 'p:1: @mode is given twice'],
]

test('a line that Traffic Server would guess at is refused with its place and a remedy', async t => {
  for (const [line, message] of COMPLAINTS) t.equal(complaint(line), message, line.slice(0, 40))
})

test('every bad line is named at once', async t => {
  t.equal(
    complaint('a.so "b\ngood.so\n\nc.so @x=1'),
    '2 errors\n' +
      '  p:1: a quote is opened and never closed; a token in quotes ends at the next "\n' +
      '  p:4: unknown option "@x"; the options are @deadline, @isolate, @mode, @late',
  )
})

test('plugin.config on disk', async t => {
  t.strictSame(loadPluginConfig(t.testdir({}), records), [], 'a missing file is an empty one')
  const folder = t.testdir({ 'plugin.config': t.fixture('symlink', 'nowhere') })
  t.throws(
    () => loadPluginConfig(folder, records),
    {
      code: 'PTC_CONFIG_UNREADABLE',
      message: new RegExp(`${join(folder, 'plugin.config')}: ENOENT`),
    },
    'a link that leads nowhere is no missing file',
  )
  t.match(
    loadPluginConfig('etc', records),
    [{ file: 'etc/plugin.config', name: 'async_verify', argv: ['async_verify.so'] }],
    'etc/plugin.config loads the sample',
  )
})

test('for any text the reader returns plugins or PTC_PLUGIN_CONFIG_INVALID', async t => {
  const piece = fc.oneof(
    fc.constantFrom(
      'a.so',
      '"',
      '#',
      '$',
      '@',
      '@mode=shadow',
      ' ',
      '\t',
      '\r',
      '\n',
      '\0',
      '\v',
      '$proxy.config.x',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      complaint(pieces.join(''))
    }),
  )
  t.pass()
})

test('arguments that are quoted come back as they were', async t => {
  const argument = fc.string({ unit: 'grapheme', maxLength: 12 }).filter(s => !/["\n\0]|^\$/.test(s))
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 8 }), args => {
      const [line] = parse(`a.so ${args.map(arg => `"${arg}"`).join(' ')}`)
      return JSON.stringify(line?.argv) === JSON.stringify(['a.so', ...args])
    }),
  )
  t.pass()
})
