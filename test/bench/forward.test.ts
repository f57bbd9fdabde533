import { test } from 'tap'
import { benchForward } from './forward.js'

// Load test: a benchmark.

test('the benchmark of the forward path runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const figures = await benchForward({
    rounds: 1,
    requests: 100,
    bulkMb: 4,
    print: line => lines.push(line),
  })
  for (const kind of [figures.request, figures.bulk]) {
    for (const name of ['floor', 'plain', 'https'] as const) t.ok(kind[name].median > 0)
  }
  t.equal(figures.requestRatio.https.median, figures.request.https.median / figures.request.floor.median)
  t.equal(figures.bulkRatio.plain.median, figures.bulk.plain.median / figures.bulk.floor.median)
  const text = lines.join('\n')
  t.match(text, new RegExp(`Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`))
  t.equal(text.match(/ratio \d/g)?.length, 4)
})
