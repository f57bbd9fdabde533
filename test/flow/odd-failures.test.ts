import { test } from 'tap'
import { failEverywhere } from '../kit/odd-failures.js'

test('a plugin that fails oddly on any hook costs nothing else', { timeout: 240_000 }, t =>
  failEverywhere(t, ''),
)
