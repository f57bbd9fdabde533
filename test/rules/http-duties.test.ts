import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ROOT } from './kit/source.js'

interface Duty {
  readonly file: string
  readonly title: string
  readonly line: number
}

/** Rows of tables whose last two columns are a test's file and its title. */
function dutiesIn(text: string): Duty[] {
  return text.split('\n').flatMap((line, i) => {
    const cells = line.split('|').map(cell => cell.trim())
    const file = /^`(\S+)`$/.exec(cells.at(-3) ?? '')?.[1]
    return line.startsWith('|') && file !== undefined
      ? [{ file, title: cells.at(-2) ?? '', line: i + 1 }]
      : []
  })
}

/** What is wrong with a row; undefined if its test exists. */
function problem({ file, title, line }: Duty): string | undefined {
  const path = `test/${file}.test.ts`
  if (!existsSync(join(ROOT, path))) return `${line}: ${path} does not exist`
  const titles = [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^test\('((?:[^'\\]|\\.)*)'/gm)]
  return titles.some(found => found[1] === title) ? undefined : `${line}: ${path} has no test "${title}"`
}

test('every duty of docs/http.md is shown by a test that exists', async t => {
  const text = readFileSync(join(ROOT, 'docs/http.md'), 'utf8')
  const duties = dutiesIn(text)
  t.strictSame(
    duties.flatMap(duty => problem(duty) ?? []),
    [],
  )
  const rows = text.split('\n').filter(line => /^\| (?:\d|–)/.test(line))
  t.equal(duties.length, rows.length, 'every row names one')
  t.ok(rows.length > 30)
})

test('a row without a test is noticed', async t => {
  const rows = dutiesIn('| 1 | a | b | `core/http/turns` | no such test |\n| 2 | a | b | `core/none` | x |')
  t.strictSame(rows.map(problem), [
    '1: test/core/http/turns.test.ts has no test "no such test"',
    '2: test/core/none.test.ts does not exist',
  ])
})
