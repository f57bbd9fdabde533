import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { checkLogFile, LogFile } from '../../../core/log/log-file.js'
import { makeTempDir } from '../../kit/temp-dir.js'

function start(t: Test, name = 'access.log') {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, name)
  const troubles: string[] = []
  const file = new LogFile(path, message => troubles.push(message))
  t.teardown(() => file.close())
  return { path, file, troubles, text: () => readFileSync(path, 'utf8') }
}

test('a log file', async t => {
  const { file, path, text } = start(t, 'new/folder/access.log')
  file.write('one')
  file.write('two')
  t.equal(text(), '', 'gathers lines')
  await sleep(250)
  t.equal(text(), 'one\ntwo\n', 'and writes them soon')
  t.equal(statSync(path).mode & 0o007, 0, 'not for everyone')
})

test('buffered lines are written when the log closes', async t => {
  const { file, text } = start(t)
  for (let i = 0; i < 10_000; i++) file.write(`line ${i} ${'x'.repeat(50)}`)
  await file.close()
  t.equal(text().split('\n').length, 10_001)
})

test('a rotation loses nothing', async t => {
  const { file, path, text } = start(t)
  for (let i = 0; i < 5000; i++) file.write(`old ${i} ${'x'.repeat(50)}`)
  renameSync(path, `${path}.1`)
  file.reopen()
  file.write('new')
  await file.close()
  const all = readFileSync(`${path}.1`, 'utf8') + text()
  t.equal(all.split('\n').filter(line => line.startsWith('old')).length, 5000)
  t.match(text(), /new\n$/, 'the new file goes on')
})

test('a file that cannot be written is an error at once', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  mkdirSync(join(dir.path, 'access.log'))
  t.throws(() => new LogFile(join(dir.path, 'access.log'), () => {}), {
    code: 'PTC_LOG_UNWRITABLE',
    message: /EISDIR/,
  })
})

test('whether it could be written, without making anything', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, 'deep', 'down', 'access.log')
  checkLogFile(path)
  t.notOk(existsSync(join(dir.path, 'deep')))
  checkLogFile(dir.file('there.log', ''))
  t.throws(() => checkLogFile(join(dir.path, 'there.log', 'access.log')), {
    code: 'PTC_LOG_UNWRITABLE',
    message: /cannot write .*access\.log: .*there\.log is no folder/,
  })
  t.throws(() => checkLogFile(dir.path), { code: 'PTC_LOG_UNWRITABLE', message: /it is a folder/ })
})

test('a full disk is reported once, and memory stays bounded', {
  skip: !isFullDevice() && 'no /dev/full',
}, async t => {
  const troubles: string[] = []
  const file = new LogFile('/dev/full', message => troubles.push(message))
  const line = 'x'.repeat(99_999)
  file.write(line)
  await sleep(50)
  const before = process.memoryUsage().rss
  for (let i = 0; i < 2000; i++) {
    file.write(line)
    if (i % 100 === 0) await sleep(1)
  }
  t.ok(process.memoryUsage().rss - before < 100e6, 'keeps memory bounded')
  t.match(troubles, [/cannot write \/dev\/full: ENOSPC/], 'is told, once')
  await file.close()
})

function isFullDevice(): boolean {
  try {
    return statSync('/dev/full').isCharacterDevice()
  } catch {
    return false
  }
}
