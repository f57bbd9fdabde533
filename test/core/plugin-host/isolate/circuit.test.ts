import { test } from 'tap'
import { Circuit } from '../../../../core/plugin-host/isolate/circuit.js'

function make(): { circuit: Circuit; pass: (ms: number) => void } {
  let now = 0
  const circuit = new Circuit({ maxFailures: 2, retryAfter: 1000, now: () => now })
  return {
    circuit,
    pass: ms => {
      now += ms
    },
  }
}

test('a circuit', async t => {
  t.test('opens after failures in a row', async t => {
    const { circuit } = make()
    t.equal(circuit.failed(), false)
    circuit.answered()
    t.equal(circuit.failed(), false, 'an answer between them starts anew')
    t.equal(circuit.admits(), true)
    t.equal(circuit.failed(), true)
    t.equal(circuit.state, 'open')
    t.equal(circuit.admits(), false)
    t.equal(circuit.retryIn, 1000)
  })

  t.test('is tried with one question at a time', async t => {
    const { circuit, pass } = make()
    circuit.failed()
    circuit.failed()
    pass(1000)
    t.equal(circuit.state, 'half-open')
    t.equal(circuit.admits(), true)
    t.equal(circuit.admits(), false)
    circuit.abandoned()
    t.equal(circuit.admits(), true, 'another when nobody waits for the first any more')
    circuit.answered()
    t.equal(circuit.state, 'closed')
    t.equal(circuit.admits(), true)
    t.equal(circuit.admits(), true)
  })

  t.test('waits twice as long each time it is tried in vain, a minute at most', async t => {
    const { circuit, pass } = make()
    circuit.failed()
    circuit.failed()
    for (const wait of [2, 4, 8, 16, 32, 60, 60]) {
      pass(circuit.retryIn)
      circuit.admits()
      t.equal(circuit.failed(), true)
      t.equal(circuit.retryIn, wait * 1000)
      t.equal(circuit.failed(), false, 'other failures do not count meanwhile')
    }
    pass(60_000)
    circuit.admits()
    circuit.answered()
    circuit.failed()
    circuit.failed()
    t.equal(circuit.retryIn, 1000, 'after an answer it begins anew')
  })
})
