import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import * as rules from './kit/architecture.js'
import { MAY_IMPORT } from './kit/imports.js'
import { readPages } from './kit/markdown.js'
import { ROOT } from './kit/source.js'

/** The changelog names files of earlier versions; docs/http.md names tests in a short form that has a test of its own. */
const pages = readPages().filter(({ path }) => !['CHANGELOG.md', 'docs/http.md'].includes(path))
const textOf = (page: string): string => pages.find(({ path }) => path === page)?.text ?? ''
const page = textOf(rules.PAGE)

const LAYOUT =
  '```\ncore/\n  main.ts     runs first\n  tls/        both\n    judge/    verdicts\ntest/         tests\n```\n'
const ARROWS = '```\nmain.ts -> a -> { b, c }\n{ b, c } -> base\n```\n'

test('the layout of docs/architecture.md lists exactly the folders of core, core/tls and core/http', async t => {
  t.strictSame(rules.layoutMistakes(page), [])
  t.ok(rules.listedPaths(page).length > 30, 'the listing is found')
})

test('a folder without a line, and a line without a folder, are found', async t => {
  t.strictSame(rules.listedPaths(LAYOUT), ['core', 'core/main.ts', 'core/tls', 'core/tls/judge', 'test'])
  const folders: Readonly<Record<string, string[]>> = { core: ['tls', 'wait'], 'core/tls': ['openssl'] }
  const mistakes = rules.layoutMistakes(
    LAYOUT,
    folder => folders[folder] ?? [],
    path => path !== 'core/tls/judge',
  )
  t.strictSame(mistakes, [
    'docs/architecture.md: its layout does not list core/wait/',
    'docs/architecture.md: its layout does not list core/tls/openssl/',
    'docs/architecture.md: core/tls/judge does not exist',
  ])
})

test('every file on the way of a pooled request exists', async t => {
  const files = rules.filesOnTheWay(textOf(rules.WAY_PAGE))
  t.ok(files.length > 25, 'the way is found')
  t.strictSame(
    files.filter(file => !existsSync(join(ROOT, file))),
    [],
  )
  t.strictSame(rules.filesOnTheWay('```\nin     a/b, c; d/e/f\nend    g/h\n```\n'), [
    'core/a/b.ts',
    'core/a/c.ts',
    'core/d/e/f.ts',
    'core/g/h.ts',
  ])
})

test('no object on the way of a pooled request begins with a spread', async t => {
  const files = rules.filesOnTheWay(textOf(rules.WAY_PAGE))
  const found = files.flatMap(file => rules.spreadsOnTheWay(file, readFileSync(join(ROOT, file), 'utf8')))
  t.strictSame(found, [])
  const text = 'const a = { ...b, c }\nconst d = isNew ? { ...b } : b // seldom\nf({ b, ...c })\n'
  t.strictSame(rules.spreadsOnTheWay('a.ts', text), ['a.ts:1: const a = { ...b, c }'])
})

test('the drawing of imports in docs/architecture.md agrees with the table of imports', async t => {
  t.strictSame(rules.arrowMistakes(page, MAY_IMPORT), [])
})

test('an arrow that the table forbids, and an import without arrows, are found', async t => {
  const may = {
    'main.ts': { values: ['a'] },
    a: { values: ['b', 'base'] },
    b: { values: ['base'] },
    c: { values: ['base', 'b'] },
  }
  t.strictSame(rules.arrowMistakes(ARROWS, may), [
    'docs/architecture.md: a -> c is not allowed',
    'docs/architecture.md: no arrows lead from c to b',
  ])
})

test('every path below core/, test/ and etc/ that a page names exists', async t => {
  t.strictSame(
    pages.flatMap(one => rules.unknownPaths(one)),
    [],
  )
  const text =
    'See `core/main.ts`, `core/nothing.ts`, test/flow/, [x](core/link.ts), https://a.example/etc/x, `/etc/hosts`.'
  t.strictSame(rules.unknownPaths({ path: 'a.md', text }), ['a.md: core/nothing.ts does not exist'])
})
