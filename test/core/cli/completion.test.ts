/** What shells complete, asked of bash, fish and zsh themselves. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { completionScript, SHELLS } from '../../../core/cli/completion.js'
import { startChild } from '../../kit/child.js'
import { requireProgram } from '../../kit/programs.js'
import { makeTempDir } from '../../kit/temp-dir.js'
import { poll } from '../../kit/watch.js'

type Offers = (...words: string[]) => readonly string[]

const sorted = (out: string): readonly string[] =>
  out
    .split('\n')
    .filter(line => line !== '')
    .sort()

/** Runs a shell, with a home of its own. */
function runShell(shell: string, args: readonly string[]): string {
  const home = makeTempDir() // fish makes folders in it
  const env = { ...process.env, HOME: home.path, XDG_CONFIG_HOME: home.path, XDG_DATA_HOME: home.path }
  try {
    return execFileSync(requireProgram(shell), args, { encoding: 'utf8', env })
  } finally {
    home.remove()
  }
}

/** What each shell offers for the last of these words. */
const OFFERS: Readonly<Record<(typeof SHELLS)[number], Offers>> = {
  bash: (...words) => {
    const quoted = words.map(word => `'${word}'`).join(' ')
    const script = `${completionScript('bash')}
COMP_WORDS=(portcullis ${quoted}); COMP_CWORD=${words.length}; _portcullis; printf '%s\\n' "\${COMPREPLY[@]}"`
    return sorted(runShell('bash', ['-c', script]))
  },
  fish: (...words) => {
    const script = `${completionScript('fish')}\ncomplete -C 'portcullis ${words.join(' ')}'`
    const lines = sorted(runShell('fish', ['--no-config', '-c', script]))
    return lines.map(line => line.split('\t')[0]?.replace(/\/$/, '') ?? '')
  },
  // The functions of its completion system that it calls say what they are given.
  zsh: (...words) => {
    const quoted = words.map(word => `'${word}'`).join(' ')
    const script = `
compdef() { :; }
compadd() { shift; for one in "$@"; do [[ $one == "$word"* ]] && print -r -- $one; done; }
_files() { for one in "$word"*; do [[ $1 != -/ || -d $one ]] && print -r -- $one; done; }
${completionScript('zsh')}
words=(portcullis ${quoted}); CURRENT=${words.length + 1}; word=$words[CURRENT]; _portcullis; true`
    return sorted(runShell('zsh', ['-f', '-c', script]))
  },
}

for (const shell of SHELLS)
  test(`${shell} completes commands, their words, options and files`, async t => {
    const { [shell]: offers } = OFFERS
    t.strictSame(offers('ver'), ['verify-config', 'version'])
    t.strictSame(offers('plugin', ''), ['new'])
    t.strictSame(offers('plugin', 'new', '--j'), ['--js'])
    t.strictSame(offers('ctl', 'rel'), ['reload'])
    t.strictSame(offers('ctl', 'server', 'dr'), ['drain'])
    t.strictSame(offers('ctl', 'plugin', ''), ['list', 'msg', 'reload'])
    t.strictSame(offers('ctl', '--json', 'plugin', ''), ['list', 'msg', 'reload'], 'behind an option')
    t.strictSame(offers('ctl', '-D', 'etc', 'plugin', ''), ['list', 'msg', 'reload'], 'and behind its value')
    t.strictSame(offers('-D', 'etc', 'ctl', 'debug', ''), ['off'])
    t.strictSame(offers('try', '--pe'), ['--pem'])
    t.ok(offers('replay', 'package.j').includes('package.json'))
    t.strictSame(offers('try', '--save', 'package.j'), ['package.json'])
    t.strictSame(offers('start', '-D', 'samp'), ['sample-plugins'])
    t.strictSame(offers('try', '--connect', ''), [], 'nothing that cannot be known')
    t.notOk(offers('start', '--').includes('--pem'), 'an option of another command is not offered')
    t.strictSame(offers('completion', ''), ['bash', 'fish', 'zsh'])
  })

/** Types into a zsh with a terminal, and has it write down the line. */
const TYPING = `
zmodload zsh/zpty
zpty typed "PS1= zsh -f -i"
zpty -w typed 'source script.zsh; show() { print -r -- $BUFFER >line.part; mv line.part line; }; zle -N show; bindkey "^X" show; : >ready'
until [[ -e ready ]]; do sleep 0.1; done
zpty -w -n typed $'portcullis ctl -D etc server dr\\t\\x18'
until [[ -e line ]]; do sleep 0.1; done
zpty -d typed
`

test('zsh completes at its prompt, also where its completion was not switched on', async t => {
  const home = makeTempDir()
  t.teardown(home.remove)
  home.file('script.zsh', completionScript('zsh'))
  const env = { ...process.env, HOME: home.path, ZDOTDIR: home.path }
  const child = await startChild(requireProgram('zsh'), ['-f', '-c', TYPING], { cwd: home.path, env })
  t.teardown(child.stop)
  const file = join(home.path, 'line')
  await poll(async () => existsSync(file), 'the line')
  t.equal(readFileSync(file, 'utf8'), 'portcullis ctl -D etc server drain \n')
})
