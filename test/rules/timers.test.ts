import { test } from 'tap'
import { timersAreContained } from './kit/code.js'
import { readSources, source } from './kit/source.js'

const count = (text: string, path = 'core/http/a.ts'): number =>
  timersAreContained([source(path, text)]).length

test('timers hand what they throw to the end of what they belong to', async t => {
  t.strictSame(timersAreContained(readSources('core')), [])
  for (const text of [
    'setTimeout(() => a(), 5)',
    'const b = setInterval(a, 5)',
    'const after = setTimeout',
    'globalThis.setTimeout(a, 5)',
    "globalThis['setTimeout'](a, 5)",
    "import { setTimeout as later } from 'node:timers'",
  ])
    t.equal(count(text), 1, text)
  for (const text of [
    "import { setTimeout as sleep } from 'node:timers/promises'",
    'socket.setTimeout(5, a)',
    'clearTimeout(b)',
    'after(5, a, onFault)',
  ])
    t.equal(count(text), 0, text)
  t.equal(count('setTimeout(a, 5)', 'plugins/a.ts'), 0)
})
