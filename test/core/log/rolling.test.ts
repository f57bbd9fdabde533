/** Log files are rolled when Traffic Server's rules say so, under its names, and no line is lost or torn. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { LogFile } from '../../../core/log/log-file.js'
import { deleteRolled, Roller } from '../../../core/log/roller.js'
import { isDue, nextRoll, ROLLED, type Rolling, rolledName } from '../../../core/log/rolling.js'
import { makeTempDir } from '../../kit/temp-dir.js'
import { poll } from '../../kit/watch.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KEEP_ALL = { maxCount: 0, minCount: 0, maxBytes: undefined }
const BY_SIZE: Rolling = {
  mode: 2,
  interval: DAY,
  offsetHour: 0,
  bytes: 100_000,
  allowsEmpty: false,
  retention: KEEP_ALL,
}

function folder(t: Test) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, 'access.log')
  /** The rolled files, the oldest first. */
  const rolled = (): readonly string[] =>
    readdirSync(dir.path)
      .filter(name => ROLLED.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .map(name => join(dir.path, name))
  return { dir, path, rolled }
}

test('the times of a day are counted from the offset', async t => {
  const at = (h: number, m: number, s = 0): number => new Date(2026, 5, 10, h, m, s).getTime()
  const next = (now: number, interval: number, offsetHour = 0): number =>
    (nextRoll({ interval, offsetHour }, now) - at(0, 0)) / HOUR
  t.equal(next(at(15, 10), DAY), 24)
  t.equal(next(at(15, 10), DAY, 4), 28)
  t.equal(next(at(3, 59, 59), DAY, 4), 4)
  t.equal(next(at(4, 0), DAY, 4), 28, 'a moment is over when it has come')
  t.equal(next(at(15, 10), HOUR), 16)
  t.equal(next(at(15, 10), 5 * HOUR, 2), 17, 'at 2, 7, 12, 17, 22')
  t.equal(next(at(23, 10), 5 * HOUR, 2), 26, 'and at 2 again, although 22 + 5 is 3')
  t.equal(next(at(15, 10), 60_000), 15 + 11 / 60)
})

test('what is due in each mode', async t => {
  const due = (mode: Rolling['mode'], isTime: boolean, size: number): boolean =>
    isDue({ ...BY_SIZE, mode, bytes: 10 }, isTime, size)
  const table = ([0, 1, 2, 3, 4] as const).map(mode => [
    due(mode, false, 9),
    due(mode, true, 9),
    due(mode, false, 10),
    due(mode, true, 10),
  ])
  t.strictSame(table, [
    [false, false, false, false],
    [false, true, false, true],
    [false, false, true, true],
    [false, true, true, true],
    [false, false, false, true],
  ])
  t.equal(isDue({ ...BY_SIZE, mode: 1 }, true, 0), false, 'an empty file is none')
  t.equal(isDue({ ...BY_SIZE, mode: 1, allowsEmpty: true }, true, 0), true, 'unless it is allowed')
})

test('a rolled file is called as Traffic Server calls it', async t => {
  const from = new Date(2026, 10, 29, 0, 0, 0).getTime()
  const name = rolledName('/var/log/access.log', 'host.test', from, from + DAY - 1000)
  t.equal(name, '/var/log/access.log_host.test.20261129.00h00m00s-20261129.23h59m59s.old')
  t.match(basename(name), ROLLED)
  t.notMatch('access.log.old', ROLLED)
})

test('while a file is rolled again and again, each line is in one file, whole and in order', async t => {
  const { path, rolled } = folder(t)
  const troubles: string[] = []
  const file = new LogFile(path, message => troubles.push(message), BY_SIZE)
  const count = 30_000
  for (let i = 0; i < count; i++) {
    file.write(`${i} ${'x'.repeat(i % 50)}`)
    // The file is written in the background, meanwhile more lines come; each part of them fills a file.
    if (i % 10_000 === 9999) await poll(() => rolled().length > Math.floor(i / 10_000), 'a rolled file')
    else if (i % 1000 === 0) await sleep(0)
  }
  await file.close()
  const files = rolled()
  t.ok(files.length >= 3, `${files.length} files were rolled`)
  // Where the last line filled the file, no new one has been made.
  const lines = [...files, path]
    .filter(existsSync)
    .flatMap(name => readFileSync(name, 'utf8').split('\n').slice(0, -1))
  t.equal(lines.length, count)
  t.equal(
    lines.findIndex((line, i) => line !== `${i} ${'x'.repeat(i % 50)}`),
    -1,
    'none is torn, lost or twice',
  )
  for (const name of files)
    t.ok(statSync(name).size >= BY_SIZE.bytes, 'none was rolled before it had the size')
  t.strictSame(troubles, [])
})

test('what was written before a time at which no proxy ran is rolled at the start', async t => {
  const { path, rolled } = folder(t)
  writeFileSync(path, 'old\n')
  const yesterday = (Date.now() - DAY) / 1000
  utimesSync(path, yesterday, yesterday)
  const file = new LogFile(path, () => {}, { ...BY_SIZE, mode: 1 })
  file.write('new')
  await file.close()
  t.strictSame(
    rolled().map(name => readFileSync(name, 'utf8')),
    ['old\n'],
  )
  t.equal(readFileSync(path, 'utf8'), 'new\n')
})

test('a file is rolled at its time, while it is open', async t => {
  const { path, rolled } = folder(t)
  let now = new Date(2026, 5, 10, 23, 59, 59, 900).getTime()
  writeFileSync(path, 'x')
  utimesSync(path, now / 1000, now / 1000)
  let reopened = 0
  const rolledThen = new Promise<void>(resolve => {
    const roller = new Roller(
      path,
      { ...BY_SIZE, mode: 1 },
      {
        now: () => now,
        onTrouble: why => t.fail(why),
        reopen: () => {
          reopened += 1
          roller.stop()
          resolve()
        },
      },
    )
    t.equal(reopened, 0, 'not before it')
    now = new Date(2026, 5, 11).getTime()
    // The timer of the roller keeps no process alive; this one does.
    const alive = setInterval(() => {}, 1000)
    t.teardown(() => clearInterval(alive))
  })
  await rolledThen
  t.match(
    rolled().map(name => basename(name)),
    [/\.20260610\.\S+-20260611\.00h00m00s\.old$/],
  )
})

test('a file that another program has moved away is only opened anew', async t => {
  const { path, rolled } = folder(t)
  const troubles: string[] = []
  const file = new LogFile(path, message => troubles.push(message), { ...BY_SIZE, bytes: 100 })
  file.write('first')
  await poll(() => statSync(path).size > 0, 'the first line') // it is written in the background
  renameSync(path, `${path}.moved`)
  file.write('x'.repeat(200))
  await poll(() => existsSync(path), 'a new file')
  file.write('last')
  await file.close()
  t.equal(readFileSync(`${path}.moved`, 'utf8'), `first\n${'x'.repeat(200)}\n`)
  t.equal(readFileSync(path, 'utf8'), 'last\n')
  t.strictSame([rolled(), troubles], [[], []])
})

test('a file that cannot be rolled goes on, and the operator is told', async t => {
  const { dir } = folder(t)
  const path = join(dir.path, `${'long'.repeat(60)}.log`)
  const troubles: string[] = []
  const file = new LogFile(path, message => troubles.push(message), BY_SIZE)
  for (let i = 0; i < 2500; i++) file.write('x'.repeat(100))
  await file.close()
  t.equal(readFileSync(path, 'utf8').length, 2500 * 101)
  t.ok(troubles.length <= 3, 'not at every write')
  t.match(troubles[0], /it cannot be rolled: ENAMETOOLONG/)
  const noFile = folder(t)
  mkdirSync(noFile.path)
  t.doesNotThrow(
    () => new Roller(noFile.path, BY_SIZE, { reopen: () => t.fail(), onTrouble: () => t.fail() }),
  )
})

test('rolled files that are too many or too large are deleted, the oldest first, and nothing else', async t => {
  const { dir, path, rolled } = folder(t)
  const make = (): void => {
    for (let day = 1; day <= 5; day++) {
      const name = dir.file(
        `access.log_h.2026010${day}.00h00m00s-2026010${day}.12h00m00s.old`,
        'x'.repeat(100),
      )
      utimesSync(name, day * 1000, day * 1000)
    }
  }
  const others = [
    'access.log',
    'access.log.1',
    'access.log_notes.old',
    'other.log_h.20260101.00h00m00s-20260101.12h00m00s.old',
  ]
  for (const name of others) dir.file(name, 'x'.repeat(1000))
  const left = (retention: Parameters<typeof deleteRolled>[1]): string => {
    make()
    deleteRolled(path, retention)
    for (const name of others) t.ok(statSync(join(dir.path, name)).size === 1000)
    return rolled()
      .filter(name => basename(name).startsWith('access.log_h'))
      .map(name => /2026010(\d)/.exec(name)?.[1])
      .join('')
  }
  t.equal(left(KEEP_ALL), '12345')
  t.equal(left({ ...KEEP_ALL, maxCount: 2 }), '45')
  t.equal(left({ ...KEEP_ALL, maxBytes: 350 }), '345')
  t.equal(left({ ...KEEP_ALL, maxBytes: 350, minCount: 4 }), '2345')
  t.equal(left({ ...KEEP_ALL, maxBytes: 350, minCount: 4, maxCount: 1 }), '5', 'a count is a count')
})
