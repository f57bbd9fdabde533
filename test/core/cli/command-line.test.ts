import { test } from 'tap'
import { readCommandLine } from '../../../core/cli/command-line.js'
import { COMMANDS, type CommandName, OPTIONS } from '../../../core/cli/command-table.js'
import { commandHelp, helpText } from '../../../core/cli/help.js'

test('help has every command and every option, in lines of at most 110 characters', async t => {
  const help = helpText()
  for (const name of Object.keys(COMMANDS)) t.match(help, `  portcullis ${name}`)
  const all = Object.keys(COMMANDS)
    .map(name => commandHelp(name as CommandName))
    .join('')
  for (const name of Object.keys(OPTIONS)) t.match(all, `--${name}`)
  t.strictSame(
    [...help.split('\n'), ...all.split('\n')].filter(line => line.length > 110),
    [],
  )
})

test('a command line is read by the tables', async t => {
  t.match(readCommandLine(['plugin', 'new', 'mine', '--js']), {
    name: 'plugin new',
    args: ['mine'],
    values: { js: true },
  })
  t.match(readCommandLine(['-D', 'conf', 'try', 'a.test']), {
    name: 'try',
    args: ['a.test'],
    values: { 'conf-dir': 'conf' },
  })
  t.match(readCommandLine(['start', '-v']), { name: 'version', args: [] })
  t.match(readCommandLine(['ca', 'init', '-h']), { name: 'help', args: ['ca', 'init'] })
  t.throws(() => readCommandLine(['ca', 'int']), { code: 'PTC_USAGE', message: /did you mean ca init\?/ })
  t.throws(() => readCommandLine(['try']), {
    message: /^try lacks an argument: portcullis try .*HOST\[:PORT\]$/,
  })
  t.throws(() => readCommandLine(['try', 'a', 'b']), {
    message: /^try has too many arguments: portcullis try/,
  })
  t.throws(() => readCommandLine(['plugin']), { message: /^unknown command "plugin"; known: plugin new$/ })
  t.match(readCommandLine(['try', '--help', 'x']), { name: 'help', args: ['try'] })
  t.throws(() => readCommandLine(['start', '--save', 'x']), { message: /--save belongs to `portcullis try`/ })
})
