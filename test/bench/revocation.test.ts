import { test } from 'tap'
import { benchRevocation } from './revocation.js'

// Load test: a benchmark.

test('the benchmark of revocation runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const { figures, holds } = await benchRevocation({
    ...{ rounds: 1, cached: 3, entries: 5000 },
    print: line => lines.push(line),
  })
  t.equal(figures.size, 6)
  for (const { first, later } of figures.values()) t.ok(first.median > 0 && later.median > 0)
  t.equal(holds.length, 2)
  for (const hold of holds) t.ok(hold.max > 0)
  t.match(lines.join('\n'), new RegExp(`Node ${process.versions.node}`))
})
