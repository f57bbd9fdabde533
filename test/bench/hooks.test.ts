import { test } from 'tap'
import { benchHooks } from './hooks.js'

// Load test: a benchmark.

test('the benchmark of the hook runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const { handshake, ratio, turn } = await benchHooks({
    blocks: 2,
    handshakes: 10,
    print: line => lines.push(line),
  })
  for (const name of ['none', 'approve', 'remembered'] as const) {
    t.ok(handshake[name].median > 0 && handshake[name].max >= handshake[name].min)
    t.ok(ratio[name].median > 0)
  }
  t.equal(ratio.none.median, 1)
  t.ok(turn.approve.median > 0 && turn.remembered.median > 0)
  const text = lines.join('\n')
  t.match(text, new RegExp(`Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`))
  t.equal(text.match(/\d % of a handshake/g)?.length, 2)
})
