/**
 * What a second process costs and brings: new handshakes, pooled requests and bulk through one and two processes, beside
 * nginx with as many workers and, where it is installed, Traffic Server with as many threads. The figures are the CPU of all processes
 * of a contestant for one unit, and units in a second of wall time. Load and origin share the cores with the contestant, so the
 * wall figure says what is left of a machine of two cores, not what a machine of many would do.
 */
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type Spread, spread, spreadText } from './figures.js'
import { cpuMicrosOf, machineText, startAnywhere } from './machine.js'
import {
  type Contestant,
  HOST,
  hasTrafficServer,
  startNginx,
  startPortcullis,
  startTrafficServer,
} from './processes-contestants.js'

const BULK_BYTES = 20_000_000
const CONNECTIONS = 32
const STREAMS = 4

export interface ProcessesOptions {
  readonly rounds: number
  /** Before any is counted: a program on Node compiles during its first thousands. */
  readonly warmUp: number
  readonly handshakes: number
  readonly requests: number
  readonly bodies: number
  readonly print: (line: string) => void
}

const KINDS = ['handshake', 'request', 'bulk'] as const
type Kind = (typeof KINDS)[number]

interface Cost {
  /** CPU microseconds for a unit. */
  readonly cpu: number
  /** Units in a second. */
  readonly rate: number
}

export interface ProcessesFigures {
  readonly [contestant: string]: Readonly<Record<Kind, { readonly cpu: Spread; readonly rate: Spread }>>
}

export async function benchProcesses(options: ProcessesOptions): Promise<ProcessesFigures> {
  const root = await makeAuthority({ name: 'Bench Root' })
  const server = `
    location /1k { return 200 "${'x'.repeat(1024)}"; }
    location /new { keepalive_timeout 0; return 200 "${'x'.repeat(1024)}"; }
    location /bulk { root .; }`
  const origin = await nginxOrigin({
    ...(await root.issue({ cn: HOST })),
    server,
    files: { bulk: BULK_BYTES },
  })
  const found = new Map<string, Record<Kind, Cost[]>>()
  const starts = [1, 2].flatMap(count => [
    () => startPortcullis(count, root, origin.httpsPort),
    ...(hasTrafficServer() ? [() => startTrafficServer(count, root, origin.httpsPort)] : []),
    () => startNginx(count, root, origin.httpsPort),
  ])
  try {
    options.print(machineText())
    for (let round = 0; round < options.rounds; round += 1)
      for (const start of round % 2 === 0 ? starts : [...starts].reverse()) {
        const contestant = await start()
        try {
          const costs = found.get(contestant.name) ?? { handshake: [], request: [], bulk: [] }
          found.set(contestant.name, costs)
          const { warmUp, handshakes } = options
          costs.handshake.push(await measure(contestant, '/new', CONNECTIONS, handshakes, warmUp))
          costs.request.push(await measure(contestant, '/1k', CONNECTIONS, options.requests))
          costs.bulk.push(await measure(contestant, '/bulk', STREAMS, options.bodies))
        } finally {
          await contestant.stop()
        }
      }
  } finally {
    await origin.stop()
  }
  const figures = Object.fromEntries([...found].map(([name, costs]) => [name, spreadsOf(costs)]))
  for (const [name, of] of Object.entries(figures)) report(name, of, options.print)
  return figures
}

const spreadsOf = (costs: Readonly<Record<Kind, readonly Cost[]>>): ProcessesFigures[string] => {
  const of = (kind: Kind) => ({
    cpu: spread(costs[kind].map(({ cpu }) => cpu)),
    rate: spread(costs[kind].map(({ rate }) => rate)),
  })
  return { handshake: of('handshake'), request: of('request'), bulk: of('bulk') }
}

function report(name: string, figures: ProcessesFigures[string], print: (line: string) => void): void {
  print(name)
  const perGb = 1e9 / BULK_BYTES / 1e6
  const { handshake, request, bulk } = figures
  print(
    `  new handshake  ${spreadText(handshake.cpu, 0)} µs of CPU, ${spreadText(handshake.rate, 0)} a second`,
  )
  print(`  pooled request ${spreadText(request.cpu, 0)} µs of CPU, ${spreadText(request.rate, 0)} a second`)
  print(
    `  bulk           ${spreadText(scaled(bulk.cpu, perGb), 2)} s of CPU for a GB, ${spreadText(scaled(bulk.rate, BULK_BYTES / 1e6), 0)} MB a second`,
  )
}

const scaled = ({ median, min, max }: Spread, by: number): Spread => ({
  median: median * by,
  min: min * by,
  max: max * by,
})

async function measure(
  { port, base, pids }: Contestant,
  path: string,
  connections: number,
  requests: number,
  warmUp = Math.ceil(requests / 4),
): Promise<Cost> {
  const args = [port, base + path, connections, requests, warmUp].map(String)
  const load = await startAnywhere('forward-load.js', args)
  const says = (word: string): Promise<true> =>
    load.until(() => load.stdout().includes(word) || undefined, word, 300_000)
  const cpu = (): number => pids().reduce((sum, pid) => sum + cpuMicrosOf(pid), 0)
  try {
    await says('ready')
    const before = cpu()
    const at = performance.now()
    load.write('go\n')
    await says('done')
    const seconds = (performance.now() - at) / 1000
    return { cpu: (cpu() - before) / requests, rate: requests / seconds }
  } finally {
    await load.stop()
  }
}
