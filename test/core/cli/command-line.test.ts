import { execFileSync } from 'node:child_process'
import { test } from 'tap'
import { readCommandLine } from '../../../core/cli/command-line.js'
import { COMMANDS, type CommandName, OPTIONS } from '../../../core/cli/command-table.js'
import { commandHelp, completionScript, helpText } from '../../../core/cli/help.js'
import { requireProgram } from '../../kit/programs.js'
import { makeTempDir } from '../../kit/temp-dir.js'

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

/** What bash offers for the last of these words. */
function offers(...words: string[]): readonly string[] {
  const quoted = words.map(word => `'${word}'`).join(' ')
  const script = `${completionScript('bash')}
COMP_WORDS=(portcullis ${quoted}); COMP_CWORD=${words.length}; _portcullis; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
}

test('bash completes commands, their second words, options and files', async t => {
  t.strictSame(offers('ver'), ['verify-config', 'version'])
  t.strictSame(offers('plugin', ''), ['new'])
  t.strictSame(offers('plugin', 'new', '--j'), ['--js'])
  t.strictSame(offers('ctl', 'rel'), ['reload'])
  t.strictSame(offers('ctl', 'server', 'dr'), ['drain'])
  t.strictSame(offers('ctl', 'plugin', ''), ['list', 'msg', 'reload'])
  t.strictSame(offers('try', '--pe'), ['--pem'])
  t.strictSame(offers('replay', 'package.j'), ['package.json'])
  t.strictSame(offers('start', '-D', 'samp'), ['sample-plugins'])
  t.notOk(offers('start', '--').includes('--pem'), 'an option of another command is not offered')
  t.match(completionScript('zsh'), /bashcompinit/)
})

/** What fish offers for the last of these words. */
function fishOffers(...words: string[]): readonly string[] {
  const script = `${completionScript('fish')}\ncomplete -C 'portcullis ${words.join(' ')}'`
  const home = makeTempDir() // fish makes folders in it
  const env = { ...process.env, HOME: home.path, XDG_CONFIG_HOME: home.path, XDG_DATA_HOME: home.path }
  try {
    return wordsIn(
      execFileSync(requireProgram('fish'), ['--no-config', '-c', script], { encoding: 'utf8', env }),
    )
  } finally {
    home.remove()
  }
}

const wordsIn = (out: string): readonly string[] =>
  out
    .split('\n')
    .flatMap(line => line.split('\t')[0] || [])
    .sort()

test('fish completes the same', async t => {
  t.strictSame(fishOffers('ver'), ['verify-config', 'version'])
  t.strictSame(fishOffers('plugin', ''), ['new'])
  t.strictSame(fishOffers('plugin', 'new', '--j'), ['--js'])
  t.strictSame(fishOffers('ctl', 'rel'), ['reload'])
  t.strictSame(fishOffers('ctl', 'server', 'dr'), ['drain'])
  t.strictSame(fishOffers('ctl', '--json', 'plugin', ''), ['list', 'msg', 'reload'])
  t.strictSame(fishOffers('try', '--pe'), ['--pem'])
  t.ok(fishOffers('replay', 'package.j').includes('package.json'))
  t.strictSame(fishOffers('start', '-D', 'samp'), ['sample-plugins/'])
  t.notOk(fishOffers('start', '--').includes('--pem'), 'an option of another command is not offered')
  t.strictSame(fishOffers('completion', ''), ['bash', 'fish', 'zsh'])
})
