import { test } from 'tap'
import { benchProcesses } from './processes.js'
import { hasTrafficServer } from './processes-contestants.js'

// Load test: a benchmark.

test('the benchmark of processes runs; its figures are for a quiet machine', async t => {
  const lines: string[] = []
  const print = (line: string) => lines.push(line)
  const figures = await benchProcesses({
    rounds: 1,
    warmUp: 40,
    handshakes: 40,
    requests: 100,
    bodies: 2,
    print,
  })
  t.equal(Object.keys(figures).length, hasTrafficServer() ? 6 : 4)
  for (const { handshake, request, bulk } of Object.values(figures))
    for (const { cpu, rate } of [handshake, request, bulk]) t.ok(cpu.median > 0 && rate.median > 0)
})
