import { test } from 'tap'
import { failEverywhere } from '../kit/odd-failures.js'

// Load test: clients ask without a pause.

test(
  'a plugin in workers that fails oddly costs nothing else: first quarter of the hooks',
  { timeout: 290_000 },
  t => failEverywhere(t, '@isolate=worker', { index: 0, of: 4 }),
)
