/**
 * What asking about revocation adds to a parked handshake: the first time, when a source on this machine is asked, and later,
 * from memory. And how long a large list holds the event loop while it is fetched and read.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { longList } from '../kit/long-list.js'
import { makeResponse, stapleFor } from '../kit/ocsp.js'
import {
  leafOf,
  listOf,
  openRevocation,
  root,
  sends,
  startSource,
  withList,
  withResponder,
} from '../plugins/revocation-kit.js'
import { type Spread, spread, spreadText } from './figures.js'
import { machineText } from './machine.js'

export interface RevocationBenchOptions {
  readonly rounds: number
  /** Later handshakes of each round. */
  readonly cached: number
  /** Of the large list. */
  readonly entries: number
  readonly print: (line: string) => void
}

export interface RevocationFigures {
  /** Milliseconds of the first turn of the plugin. */
  readonly first: Spread
  /** CPU milliseconds of a later one. */
  readonly later: Spread
}

const CASES = ['no source', 'staple', 'OCSP', 'list', 'large list', 'in workers'] as const
type Case = (typeof CASES)[number]

/** Prints its figures, and answers them. */
export async function benchRevocation(options: RevocationBenchOptions) {
  const { rounds, cached, entries, print } = options
  const ends: (() => unknown)[] = []
  const t = { teardown: (end: () => unknown) => void ends.unshift(end) }
  try {
    const source = await startSource(t)
    const large = longList(root, entries).list
    print('the turn of `revocation` with the test kit around it, median of the rounds (lowest-highest):')
    print('milliseconds of the first one, CPU milliseconds of later ones; `no source` is the floor')
    print(machineText())
    print(`${rounds} rounds, ${cached} later handshakes each; the large list has ${large.length} bytes`)
    const at = (path: string): string => `${source.url}/${path}`
    const leaf = {
      'no source': leafOf('basicConstraints=CA:FALSE'),
      staple: leafOf('basicConstraints=CA:FALSE'),
      OCSP: leafOf(withResponder(at('ocsp'))),
      list: leafOf(withList(at('list'))),
      'large list': leafOf(withList(at('large'))),
      'in workers': leafOf(withList(at('large'))),
    } satisfies Record<Case, unknown>
    source.answers['/list'] = sends(listOf(root, []))
    source.answers['/large'] = sends(large)
    const good = makeResponse({ subject: leaf.OCSP, issuer: root, signer: root })
    source.answers['/ocsp'] = sends(good, 'application/ocsp-response')
    const stapled = stapleFor(leaf.staple, { issuer: root, signer: root, good: [leaf.staple] })
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const delays = new Map<Case, number[]>()
    const figures = new Map<Case, RevocationFigures>()
    for (const name of CASES) {
      const more = name === 'staple' ? { ocspResponse: stapled } : {}
      const [first, later]: [number[], number[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        const isolate = name === 'in workers' ? '@isolate=worker' : ''
        const { ask, kit } = await openRevocation(t, 'timeout=60000', isolate)
        const turn = async (): Promise<number> => {
          const from = performance.now()
          const { kind, detail } = await ask(leaf[name].chain, more)
          if (kind !== 'accepted') throw new Error(`${name}: ${detail}`)
          return performance.now() - from
        }
        delay.reset()
        delay.enable()
        first.push(await turn())
        delay.disable()
        delays.set(name, [...(delays.get(name) ?? []), delay.max / 1e6])
        const before = process.cpuUsage()
        for (let i = 0; i < cached; i++) await turn()
        const { user, system } = process.cpuUsage(before)
        later.push((user + system) / 1000 / cached)
        await kit.close()
      }
      figures.set(name, { first: spread(first), later: spread(later) })
    }
    for (const [name, { first, later }] of figures)
      print(`  ${name.padEnd(12)} first ${spreadText(first, 1)}, later ${spreadText(later, 2)}`)
    print('  in workers, the first turn of the second instance is among the later ones')
    const holds = (['large list', 'in workers'] as const).map(name => spread(delays.get(name) ?? []))
    const [own, workers] = holds.map(hold => spreadText(hold, 0))
    print(`  longest hold of the event loop with the large list: ms ${own}, in workers ${workers}`)
    return { figures, holds }
  } finally {
    for (const end of ends) await end()
  }
}
