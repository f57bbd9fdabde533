/**
 * What a new handshake with an origin costs: through the engine with a plugin on the hook, and through node:tls, which
 * asks no plugin. The same work for both: TLS 1.3, a chain of three certificates (P-256), verified up to its root. One
 * process each, by turns; the figure is the median of the pairs' ratios.
 */
import { type Authority, type Issued, makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { type Spread, spread, spreadText } from './figures.js'
import { HOST } from './handshake-host.js'
import type { OriginCertificate } from './handshake-origin.js'
import { isPinning, machineText, startOnCore } from './machine.js'

export interface EngineBenchOptions {
  readonly pairs: number
  /** That are measured in each process; a quarter more go before. */
  readonly handshakes: number
  readonly print: (line: string) => void
}

export interface Comparison {
  /** CPU microseconds for a handshake. */
  readonly engine: Spread
  readonly nodeTls: Spread
  /** Engine to node:tls; below 1 the engine is cheaper. */
  readonly ratio: Spread
}

const CLIENT_CORE = 0
const ORIGIN_CORE = 1
const MODES = ['engine', 'node-tls'] as const
type Mode = (typeof MODES)[number]

/** Prints its figures, and answers them: for chains that were never seen before, and for one that is always the same. */
export async function benchEngine(
  options: EngineBenchOptions,
): Promise<{ readonly fresh: Comparison; readonly same: Comparison }> {
  const { pairs, handshakes, print } = options
  const root = await makeAuthority({ name: 'Bench Root' })
  const intermediate = await makeAuthority({ name: 'Bench Intermediate', parent: root })
  const certificates = await issueMany(intermediate, Math.ceil(handshakes * 1.25))
  print('CPU microseconds for a new handshake, median of the processes (lowest-highest)')
  print(`${machineText()}; ${isPinning() ? 'client and origin on a core each' : 'not pinned to cores'}`)
  print(`${pairs} pairs of processes by turns, ${handshakes} handshakes each; differences of 20 % are noise`)
  const [first] = certificates
  const fresh = await compare(root, certificates, options)
  report(print, 'every certificate seen for the first time', fresh)
  const same = await compare(root, first === undefined ? [] : [first], options)
  report(print, 'always the same certificate, whose chain the engine remembers', same)
  return { fresh, same }
}

function report(print: (line: string) => void, what: string, { engine, nodeTls, ratio }: Comparison): void {
  print('')
  print(what)
  print(`  engine, with a plugin   ${spreadText(engine, 0)}`)
  print(`  node:tls, without       ${spreadText(nodeTls, 0)}`)
  print(`  ratio of the pairs      ${spreadText(ratio, 2)}`)
}

/** As many certificates as there are handshakes: what one process remembers of a chain is of no use to it. */
async function issueMany(authority: Authority, count: number): Promise<readonly OriginCertificate[]> {
  const issued: Issued[] = []
  for (let i = 0; i < count; i++)
    issued.push(await authority.issue({ cn: HOST, serial: (i + 1).toString(16).padStart(8, '0') }))
  return issued.map(({ chainPem, keyPem }) => ({ chainPem, keyPem }))
}

async function compare(
  root: Authority,
  certificates: readonly OriginCertificate[],
  { pairs, handshakes }: EngineBenchOptions,
): Promise<Comparison> {
  const dir = makeTempDir()
  const ca = dir.file('root.pem', root.certPem)
  const file = dir.file('certificates.json', JSON.stringify(certificates))
  const origin = await startOnCore(ORIGIN_CORE, 'handshake-origin.js', [file])
  try {
    const port = await origin.until(
      () => /^port (\d+)$/m.exec(origin.stdout())?.[1],
      'the port of the origin',
      60_000,
    )
    const costs: Record<Mode, number[]> = { engine: [], 'node-tls': [] }
    for (let pair = 0; pair < pairs; pair++) {
      const order = pair % 2 === 0 ? MODES : [...MODES].reverse()
      for (const mode of order) costs[mode].push(await measure([mode, port, ca, String(handshakes)]))
    }
    const ratios = costs.engine.map((cost, i) => cost / (costs['node-tls'][i] ?? Number.NaN))
    return { engine: spread(costs.engine), nodeTls: spread(costs['node-tls']), ratio: spread(ratios) }
  } finally {
    await origin.stop()
    dir.remove()
  }
}

async function measure(args: readonly string[]): Promise<number> {
  const client = await startOnCore(CLIENT_CORE, 'handshake-client.js', args)
  try {
    const code = await client.exited(120_000)
    const cost = Number(client.stdout())
    if (code === 0 && cost > 0) return cost
    throw new Error(`handshake-client.js ${args.join(' ')} ended with ${code}: ${client.stderr()}`)
  } finally {
    await client.stop()
  }
}
