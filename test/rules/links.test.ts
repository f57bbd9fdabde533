import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'tap'
import { ERRORS } from '../../core/base/error-table.js'
import { RECORDS } from '../../core/config/records-table.js'
import { anchorsOf, linksOf, readPages } from './kit/markdown.js'
import { ROOT } from './kit/source.js'

/** What is wrong with a link of a page; undefined if it leads somewhere. */
function problem(path: string, text: string, target: string): string | undefined {
  const [file = '', anchor] = target.split('#')
  const to = file === '' ? path : posix.join(posix.dirname(path), file)
  if (!existsSync(join(ROOT, to))) return `${to} does not exist`
  if (anchor === undefined || statSync(join(ROOT, to)).isDirectory()) return undefined
  const there = file === '' ? text : readFileSync(join(ROOT, to), 'utf8')
  return anchorsOf(there).includes(anchor) ? undefined : `${to} has no heading #${anchor}`
}

test('every link between the pages leads somewhere', async t => {
  const pages = readPages()
  const wrong = pages.flatMap(({ path, text }) =>
    linksOf(text).flatMap(({ target, line }) => {
      const what = problem(path, text, target)
      return what === undefined ? [] : [`${path}:${line}: ${what}`]
    }),
  )
  t.strictSame(wrong, [])
  t.ok(pages.flatMap(({ text }) => linksOf(text)).length > 10, 'there are links')
})

/** Records and error codes that a text names and no table has. */
function unknownNames(text: string): string[] {
  const named = text.match(/\bproxy\.config(?:\.\w+)+|\bPTC_\w+/g) ?? []
  return named.filter(name => !Object.hasOwn(name.startsWith('PTC_') ? ERRORS : RECORDS, name))
}

test('every record and error code that a page names is in its table', async t => {
  t.strictSame(
    readPages().flatMap(({ path, text }) => unknownNames(text).map(name => `${path}: ${name}`)),
    [],
  )
  t.strictSame(unknownNames('proxy.config.proxy_name, `PTC_USAGE`; proxy.config.nothing PTC_NOTHING'), [
    'proxy.config.nothing',
    'PTC_NOTHING',
  ])
})

test('a bad link is found', async t => {
  const bad = '# A\n[a](nowhere.md) `[x](code.md)`\n[b](#b) [c](#a) [d](https://example.com/)\n'
  t.strictSame(linksOf(bad), [
    { target: 'nowhere.md', line: 2 },
    { target: '#b', line: 3 },
    { target: '#a', line: 3 },
  ])
  t.match(problem('docs/x.md', bad, 'nowhere.md'), 'docs/nowhere.md does not exist')
  t.match(problem('docs/x.md', bad, '../README.md#nothing-of-that-name'), 'no heading')
})
