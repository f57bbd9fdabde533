import { test } from 'tap'
import { benchSoak } from './soak.js'

// Load test: a benchmark.

test('a short soak: nothing fails but what was on a killed process', { timeout: 120_000 }, async t => {
  const figures = await benchSoak({
    seconds: 12,
    clients: 6,
    reloadEvery: 3,
    killEvery: 5,
    print: line => t.comment(line),
  })
  t.same(figures.failures.slice(0, 3), [])
  t.same(...figures.natives)
  t.ok(figures.requests > 100 && figures.reloads >= 2 && figures.kills >= 1)
})
