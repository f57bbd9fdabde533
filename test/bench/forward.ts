/**
 * What a request costs on its way through the whole program: 1 KB over pooled connections, and bulk, from a plain origin
 * and from one with TLS, with a plugin on the hook. The floor is a bare node:http server on the same core that answers
 * itself, and so does half the work at most. The figure is the CPU of the process that is measured, nothing else's.
 */
import { makeAuthority } from '../kit/pki.js'
import { makeConfDir, type ProxyConf } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { type Spread, spread, spreadText } from './figures.js'
import { HOST } from './handshake-host.js'
import { cpuMicrosOf, isPinning, machineText, startOnCore } from './machine.js'

export interface ForwardBenchOptions {
  readonly rounds: number
  /** In each round, of 1 KB. */
  readonly requests: number
  /** In each round, million bytes. */
  readonly bulkMb: number
  readonly print: (line: string) => void
}

const CASES = ['floor', 'plain', 'https'] as const
type Case = (typeof CASES)[number]

type Figures = Readonly<Record<Case, Spread>>

export interface ForwardFigures {
  /** CPU microseconds for a request of 1 KB. */
  readonly request: Figures
  /** CPU seconds for 10^9 bytes. */
  readonly bulk: Figures
  /** To the floor of the same round. */
  readonly requestRatio: Figures
  readonly bulkRatio: Figures
}

interface Way {
  readonly pid: number
  readonly port: number
  readonly base: string
}

const MEASURED_CORE = 0
const LOAD_CORE = 1
const CONNECTIONS = 32
const STREAMS = 4
const BULK_MB = 20
const APPROVE = `export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => void reenable())
}
`

/** Prints its figures, and answers them. */
export async function benchForward(options: ForwardBenchOptions): Promise<ForwardFigures> {
  const { rounds, requests, bulkMb, print } = options
  print('CPU of the proxy for requests on connections that stay open, median of the rounds (lowest-highest)')
  print(`${machineText()}; ${isPinning() ? 'proxy on one core, load and origin on another' : 'not pinned'}`)
  print(
    `${rounds} rounds by turns, ${requests} requests and ${bulkMb} MB each; differences of 20 % are noise`,
  )
  const costs = await withWays(async ways => {
    const lists = (): Record<Case, number[]> => ({ floor: [], plain: [], https: [] })
    const found = { request: lists(), bulk: lists() }
    for (let round = 0; round < rounds; round++) {
      for (const name of round % 2 === 0 ? CASES : [...CASES].reverse()) {
        const micros = await measure(ways[name], '/1k', CONNECTIONS, requests)
        found.request[name].push(micros / requests)
      }
      const bodies = Math.max(1, Math.round(bulkMb / BULK_MB))
      const bytes = Math.round((bulkMb * 1e6) / bodies)
      for (const name of round % 2 === 0 ? CASES : [...CASES].reverse()) {
        const micros = await measure(ways[name], `/bulk/${bytes}`, STREAMS, bodies)
        found.bulk[name].push(micros / 1e6 / ((bodies * bytes) / 1e9))
      }
    }
    return found
  })
  const figures: ForwardFigures = {
    request: each(costs.request, spread),
    bulk: each(costs.bulk, spread),
    requestRatio: each(costs.request, values => ratioTo(costs.request.floor, values)),
    bulkRatio: each(costs.bulk, values => ratioTo(costs.bulk.floor, values)),
  }
  report(print, 'a request of 1 KB, microseconds', figures.request, figures.requestRatio, 0)
  report(print, 'bulk, seconds for a GB', figures.bulk, figures.bulkRatio, 2)
  return figures
}

const each = (
  costs: Readonly<Record<Case, readonly number[]>>,
  of: (values: readonly number[]) => Spread,
): Figures => ({ floor: of(costs.floor), plain: of(costs.plain), https: of(costs.https) })

const ratioTo = (floor: readonly number[], values: readonly number[]): Spread =>
  spread(values.map((value, i) => value / (floor[i] ?? Number.NaN)))

function report(
  print: (line: string) => void,
  what: string,
  figures: Figures,
  ratios: Figures,
  digits: number,
): void {
  print('')
  print(what)
  print(`  floor: bare node:http   ${spreadText(figures.floor, digits)}`)
  print(
    `  proxy, http:// origin   ${spreadText(figures.plain, digits)}, ratio ${spreadText(ratios.plain, 2)}`,
  )
  print(
    `  proxy, https:// origin  ${spreadText(figures.https, digits)}, ratio ${spreadText(ratios.https, 2)}`,
  )
}

/** Starts origin, proxy and floor, and stops them. */
async function withWays<T>(use: (ways: Readonly<Record<Case, Way>>) => Promise<T>): Promise<T> {
  const root = await makeAuthority({ name: 'Bench Root' })
  const { chainPem, keyPem } = await root.issue({ cn: HOST })
  const dir = makeTempDir()
  const toEnd: (() => unknown)[] = [dir.remove]
  const start = async (core: number, script: string, args: readonly string[], pattern: RegExp) => {
    const child = await startOnCore(core, script, args)
    toEnd.unshift(child.stop)
    const found = await child.until(() => pattern.exec(child.stdout()) ?? undefined, `${pattern}`)
    return { pid: child.pid, ports: found.slice(1).map(Number) }
  }
  try {
    const certificate = dir.file('certificate.json', JSON.stringify({ chainPem, keyPem }))
    const origin = await start(LOAD_CORE, 'forward-origin.js', [certificate], /^ports (\d+) (\d+)$/m)
    const floor = await start(MEASURED_CORE, 'forward-origin.js', [], /^ports (\d+)$/m)
    const wanted: ProxyConf = {
      ca: root.certPem,
      hosts: [HOST],
      plugins: ['approve.mjs'],
      modules: { 'approve.mjs': APPROVE },
    }
    const conf = makeConfDir(wanted)
    toEnd.push(conf.remove)
    const args = ['start', '-D', conf.path]
    const proxy = await start(MEASURED_CORE, '../../core/main.js', args, /listens on \S+:(\d+)/)
    const [plain = 0, secure = 0] = origin.ports
    const [port = 0] = proxy.ports
    return await use({
      floor: { pid: floor.pid, port: floor.ports[0] ?? 0, base: `http://${HOST}` },
      plain: { pid: proxy.pid, port, base: `http://${HOST}:${plain}` },
      https: { pid: proxy.pid, port, base: `https://${HOST}:${secure}` },
    })
  } finally {
    for (const end of toEnd) await end()
  }
}

/** @returns CPU microseconds that the process measured has used for all the requests */
async function measure(
  { pid, port, base }: Way,
  path: string,
  connections: number,
  requests: number,
): Promise<number> {
  const warmUp = Math.ceil(requests / 4)
  const args = [port, base + path, connections, requests, warmUp].map(String)
  const load = await startOnCore(LOAD_CORE, 'forward-load.js', args)
  const says = (word: string): Promise<true> =>
    load.until(() => load.stdout().includes(word) || undefined, word, 120_000)
  try {
    await says('ready')
    const before = cpuMicrosOf(pid)
    load.write('go\n')
    await says('done')
    return cpuMicrosOf(pid) - before
  } finally {
    await load.stop()
  }
}
