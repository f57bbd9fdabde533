import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'tap'
import { PAGES, pagePath } from '../kit/reference.js'

test('docs/reference says what the tables say', async t => {
  for (const [name, render] of Object.entries(PAGES))
    t.equal(
      readFileSync(pagePath(name), 'utf8'),
      render(),
      `${name} is up to date (node dist/test/kit/reference.js --write)`,
    )
})

test('docs/reference has no page that nothing writes', async t => {
  const [name = ''] = Object.keys(PAGES)
  t.strictSame(readdirSync(dirname(pagePath(name))).sort(), Object.keys(PAGES).sort())
})
