/** Commands that the program prints work where its user is. */
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { nearPath, ownCommand, shellWord, withOwnCommand } from '../../../core/cli/own-command.js'
import { commandHere } from '../../kit/command-here.js'
import { makeTempDir } from '../../kit/temp-dir.js'

test('the command is what the shell of the user finds', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const script = dir.file('lib/portcullis/dist/core/main.js', '')
  const linkIn = (folder: string): string => {
    mkdirSync(join(dir.path, folder), { recursive: true })
    symlinkSync(script, join(dir.path, folder, 'portcullis'))
    return join(dir.path, folder)
  }
  const bin = linkIn('bin')
  const npm = linkIn('project/node_modules/.bin')
  const other = dir.file('other/portcullis', '')
  const command = (cwd: string, ...path: string[]): string =>
    ownCommand({ script, cwd: join(dir.path, cwd), env: { PATH: path.join(':') } })
  t.equal(command('', '/usr/bin', bin), 'portcullis')
  t.equal(command('project', '/usr/bin'), 'npx portcullis')
  t.equal(command('project', npm), 'npx portcullis', "npm's folder is on the path of npm alone")
  t.equal(command('lib/portcullis', npm), 'node dist/core/main.js')
  t.equal(
    command('other', join(other, '..')),
    `node ${script}`,
    'another program of this name is not this one',
  )
})

test('paths as a shell reads them', async t => {
  t.equal(nearPath('/a/b', '/a/b/c d'), 'c d')
  t.equal(nearPath('/a/b', '/a/bc'), '/a/bc')
  t.equal(nearPath('/a/b', '/a/b'), '.')
  t.equal(shellWord('/a/b-c.js'), '/a/b-c.js')
  t.equal(shellWord("it's here"), "'it'\\''s here'")
})

test('the commands in a message, and nothing else of it', async t => {
  const text = (command: string): string =>
    `\`${command} init DIR\` or\n  ${command} start\n/opt/portcullis start, portcullis: portcullis listens`
  const start = { script: '/opt/p/main.js', cwd: '/opt', env: {} }
  t.equal(withOwnCommand(text('portcullis'), start), text('node p/main.js'))
})

test('init and the error of a start without a configuration print commands that work', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const none = await commandHere(['start', '-D', join(dir.path, 'none')])
  t.equal(none.exitCode, 1)
  t.match(none.stderr(), '`node dist/core/main.js init DIR`')
  const conf = join(dir.path, 'my conf')
  const init = await commandHere(['init', conf])
  t.equal(init.exitCode, 0)
  const [, args = ''] = /^ {2}node dist\/core\/main\.js (verify-config .*)$/m.exec(init.stdout()) ?? []
  t.equal(args, `verify-config -D '${conf}'`)
})
