import { test } from 'tap'
import { readPages } from './kit/markdown.js'
import { riddlesInComments, riddlesInPage, riddlesInTitles } from './kit/plain.js'
import { readSources, source } from './kit/source.js'

/** Files and folders that are still to be cleaned; a changelog's old entries stay as they were published. */
const NOT_YET: readonly string[] = ['CHANGELOG.md', 'docs/http.md', 'docs/performance.md']

const isChecked = ({ path }: { readonly path: string }): boolean =>
  !NOT_YET.some(name => (name.endsWith('/') ? path.startsWith(name) : path === name))

test('comments are in plain English', async t => {
  const files = readSources('core', 'plugins', 'sample-plugins', 'test')
  t.strictSame(files.filter(isChecked).flatMap(riddlesInComments), [])
})

test('titles of tests are in plain English', async t => {
  t.strictSame(readSources('test').flatMap(riddlesInTitles), [])
})

test('pages are in plain English', async t => {
  t.strictSame(readPages().filter(isChecked).flatMap(riddlesInPage), [])
})

test('riddles are found in prose alone', async t => {
  const text = "/** Nobody waits: `who` is code. */\nconst who = 'somebody' // it makes way\n"
  t.strictSame(riddlesInComments(source('core/a.ts', text)), [
    "core/a.ts:1: 'Nobody': name the thing that acts",
    "core/a.ts:2: 'makes way': yields",
  ])
  const tests = "test('one', run)\ntest(\n  'a front, and `who`', run)\n"
  t.strictSame(riddlesInTitles(source('test/a.test.ts', tests)), ["test/a.test.ts:2: 'front': listener"])
  t.strictSame(
    riddlesInPage({ path: 'a.md', text: 'What is under way\n```\nwho\n```\n`whom` **whoever**\n' }),
    ["a.md:1: 'under way': in flight", "a.md:5: 'whoever': name the thing that acts"],
  )
})
