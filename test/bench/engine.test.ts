import { test } from 'tap'
import { benchEngine } from './engine.js'

// Load test: a benchmark.

test('the benchmark of the engine runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const { fresh, same } = await benchEngine({ pairs: 1, handshakes: 40, print: line => lines.push(line) })
  for (const { engine, nodeTls, ratio } of [fresh, same]) {
    t.ok(engine.median > 0 && nodeTls.median > 0)
    t.equal(ratio.median, engine.median / nodeTls.median)
  }
  t.match(lines.join('\n'), new RegExp(`Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`))
  t.equal(lines.filter(line => line.includes('ratio')).length, 2)
})
