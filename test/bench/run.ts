/**
 * Runs benchmarks: all of them, or those that are named.
 *
 *     npm run bench [-- NAME...]
 */
import { benchEngine } from './engine.js'
import { benchForward } from './forward.js'
import { benchHeld } from './held.js'
import { benchHooks } from './hooks.js'
import { benchProcesses } from './processes.js'
import { benchRevocation } from './revocation.js'
import { benchSoak } from './soak.js'
import { benchVerifiers } from './verifiers.js'

const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Add a benchmark here and nowhere else. */
const BENCHES: Readonly<Record<string, () => Promise<unknown>>> = {
  engine: () => benchEngine({ pairs: 7, handshakes: 1000, print }),
  hooks: () => benchHooks({ blocks: 30, handshakes: 100, print }),
  held: () => benchHeld({ count: 9500, print }),
  revocation: () => benchRevocation({ rounds: 7, cached: 200, entries: 600_000, print }),
  verifiers: () => benchVerifiers({ rounds: 7, cached: 50, print }),
  processes: () =>
    benchProcesses({ rounds: 5, warmUp: 12_000, handshakes: 3000, requests: 20_000, bodies: 30, print }),
  soak: () => benchSoak({ seconds: 600, clients: 24, reloadEvery: 4, killEvery: 45, print }),
  forward: () => benchForward({ rounds: 7, requests: 15_000, bulkMb: 400, print }),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !Object.hasOwn(BENCHES, name))
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}\n`)
  process.exit(64)
}
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  print(`== ${name}`)
  await run()
  print('')
}
