import { test } from 'tap'
import { benchHeld } from './held.js'

// Load test: a benchmark.

test('the benchmark of held memory runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const { open, released } = await benchHeld({ count: 60, print: line => lines.push(line) })
  t.ok(Number.isFinite(open) && Number.isFinite(released))
  t.match(lines.join('\n'), new RegExp(`Node ${process.versions.node}`))
})
