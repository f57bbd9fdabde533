import { test } from 'tap'
import { benchVerifiers } from './verifiers.js'

// Load test: a benchmark.

test('the benchmark of the verifiers runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const figures = await benchVerifiers({ rounds: 1, cached: 3, print: line => lines.push(line) })
  t.equal(figures.size, 12)
  for (const { first, later } of figures.values()) t.ok(first.median > 0 && later.median > 0)
  t.match(lines.join('\n'), new RegExp(`Node ${process.versions.node}`))
})
