import { test } from 'tap'
import { failEverywhere } from '../kit/odd-failures.js'

// Load test: clients ask without a pause.

test('a plugin that fails oddly costs nothing else: first half of the hooks', { timeout: 115_000 }, t =>
  failEverywhere(t, '', { index: 0, of: 2 }),
)
