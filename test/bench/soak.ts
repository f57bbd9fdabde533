/**
 * Two processes under load for minutes, while the configuration is reloaded every few seconds and one of the processes is
 * killed now and then. No request may fail but those on a process that was killed, memory stays, and no native object is
 * left when the load has ended.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Send, sendTo } from '../../core/cli/ctl-client.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ChildProxy, type ProxyConf, startProxy } from '../kit/proxy.js'
import { machineText } from './machine.js'
import { clientPortsOf, residentOf } from './process-facts.js'
import { type Failure, type SoakTarget, visit } from './soak-client.js'

const HOST = 'soak.test'
/** Holds each handshake for up to 20 ms; a few of its answers are kept for a second. */
const HOLD = `
export default ({ hookAdd, accept }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => {
    setTimeout(() => reenable(accept(Math.random() < 0.1 ? { cacheFor: 1000 } : {})), Math.random() * 20)
  })
}`
/** Milliseconds in which idle connections to origins end, and what the collector frees is freed. */
const QUIET = 5000
/** Milliseconds around a kill: a connection takes time to reach a process, and the end of a process to be noticed. */
const ON_ITS_WAY = 2000

export interface SoakOptions {
  readonly seconds: number
  /** Requests in flight at one time. */
  readonly clients: number
  /** Seconds between two reloads. */
  readonly reloadEvery: number
  /** Seconds between two kills. */
  readonly killEvery: number
  readonly print: (line: string) => void
}

export interface SoakFigures {
  readonly requests: number
  readonly reloads: number
  readonly kills: number
  /** Connections that were on a process when it was killed, and failed. */
  readonly lost: number
  readonly failures: readonly Failure[]
  /** Resident memory of the process that is never killed, MB: after a third of the time, and at the end. */
  readonly memory: readonly [early: number, late: number]
  /** Native objects by kind in both processes: before the load, and when it has ended. */
  readonly natives: readonly [before: Natives, after: Natives]
}

type Mode = 'probe' | 'bump'
type Natives = Readonly<Record<string, number>>

interface Metric {
  readonly name: string
  readonly value: number
}

export async function benchSoak(options: SoakOptions): Promise<SoakFigures> {
  const root = await makeAuthority({ name: 'Root' })
  const minting = await makeAuthority({ name: 'Minting' })
  const server = 'keepalive_requests 20; location / { return 200 "$request_uri\\n"; }'
  const origin = await nginxOrigin({ ...(await root.issue({ cn: HOST })), server })
  const confOf = (mode: Mode): ProxyConf => ({
    plugins: ['hold.mjs'],
    modules: { 'hold.mjs': HOLD },
    hosts: [HOST],
    ca: root.certPem,
    files: { 'bump-ca.pem': minting.certPem, 'bump-ca.key': minting.keyPem },
    records: {
      'proxy.config.exec_thread.limit': 2,
      'proxy.config.admin.socket': 'ctl.sock',
      'proxy.config.http.keep_alive_no_activity_timeout_out': 1,
      'proxy.config.http.connect_ports': '1-65535',
      'proxy.config.http.connect.verify': mode,
    },
  })
  const proxy = await startProxy(confOf('probe'))
  try {
    options.print(machineText())
    const trust = root.certPem + minting.certPem
    const target = { proxyPort: proxy.port, host: HOST, port: origin.httpsPort, trust }
    const figures = await new Soak(options, proxy, target, confOf).run()
    printFigures(figures, options.print)
    return figures
  } finally {
    await proxy.stop()
    await origin.stop()
  }
}

/** One run: load, reloads and kills beside each other, until the time is over. */
class Soak {
  readonly #options: SoakOptions
  readonly #proxy: ChildProxy
  readonly #target: SoakTarget
  readonly #confOf: (mode: Mode) => ProxyConf
  readonly #send: Send
  readonly #failures: Failure[] = []
  /** Ports of clients whose process was killed, and when. */
  readonly #killedPorts = new Map<number, number>()
  /** Times of kills in which one connection was perhaps on its way to the process: node:cluster hands over one at a time. */
  readonly #onTheirWay: number[] = []
  readonly #counts = { requests: 0, lost: 0, reloads: 0, kills: 0 }
  #isOver = false

  constructor(
    options: SoakOptions,
    proxy: ChildProxy,
    target: SoakTarget,
    confOf: (mode: Mode) => ProxyConf,
  ) {
    this.#options = options
    this.#proxy = proxy
    this.#target = target
    this.#confOf = confOf
    this.#send = sendTo(`${proxy.conf.path}/ctl.sock`)
  }

  async run(): Promise<SoakFigures> {
    const { seconds, clients, reloadEvery, killEvery, print } = this.#options
    await this.#proxy.until(/managed through/)
    await this.#load(1000) // what the first handshakes need is needed once
    const [lasting, mortal] = await this.#pids()
    if (lasting === undefined || mortal === undefined) throw new Error('there are not two processes')
    await sleep(QUIET)
    const before = await this.#natives()
    const early = { memory: 0 }
    const at = performance.now()
    const elapsed = (): number => (performance.now() - at) / 1000
    const load = Array.from({ length: clients }, () => this.#visits())
    const work = [
      this.#each(reloadEvery, () => this.#reload(this.#counts.reloads % 2 === 0 ? 'bump' : 'probe')),
      this.#each(killEvery, () => this.#kill(lasting)),
      this.#each(seconds / 3, () => {
        early.memory ||= residentOf(lasting)
      }),
      this.#each(30, () => print(`  ${Math.round(elapsed())} s: ${this.#countsText()}`)),
    ]
    while (elapsed() < seconds) await sleep(100)
    const late = residentOf(lasting)
    this.#isOver = true
    await Promise.all([...load, ...work])
    await this.#reload('probe') // as before the load
    while ((await this.#pids()).length < 2) await sleep(100)
    await sleep(QUIET)
    return {
      ...this.#counts,
      failures: this.#failures,
      memory: [early.memory / 1024, late / 1024],
      natives: [before, await this.#natives()],
    }
  }

  async #each(seconds: number, work: () => unknown): Promise<void> {
    for (;;) {
      const until = performance.now() + seconds * 1000
      while (performance.now() < until) {
        if (this.#isOver) return
        await sleep(50)
      }
      await work()
    }
  }

  async #load(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds
    while (performance.now() < until) await this.#visit()
  }

  async #visits(): Promise<void> {
    while (!this.#isOver) await this.#visit()
  }

  async #visit(): Promise<void> {
    const { answered, failure } = await visit(this.#target)
    this.#counts.requests += answered
    if (failure === undefined) return
    const killedAt = this.#killedPorts.get(failure.port) ?? 0
    if (failure.began < killedAt || this.#wasOnItsWay(failure)) this.#counts.lost += 1
    else this.#failures.push(failure)
  }

  #wasOnItsWay({ began }: Failure): boolean {
    const at = this.#onTheirWay.findIndex(time => Math.abs(began - time) < ON_ITS_WAY)
    return at !== -1 && this.#onTheirWay.splice(at, 1).length > 0
  }

  async #reload(mode: Mode): Promise<void> {
    this.#counts.reloads += 1
    this.#proxy.conf.write(this.#confOf(mode))
    await this.#send('POST', '/v1/reload')
  }

  /** Kills the process that is not `lasting`, and notes the clients that it has, or was just handed. */
  async #kill(lasting: number): Promise<void> {
    const pid = (await this.#pids()).find(other => other !== lasting)
    if (pid === undefined) return // it has not been replaced yet
    process.kill(pid, 'SIGSTOP')
    const ports = clientPortsOf(pid, this.#proxy.port)
    const handed = clientPortsOf(this.#proxy.child.pid, this.#proxy.port)
    process.kill(pid, 'SIGKILL')
    const now = performance.now()
    for (const port of [...ports, ...handed]) this.#killedPorts.set(port, now)
    this.#onTheirWay.push(now)
    this.#counts.kills += 1
  }

  async #pids(): Promise<readonly number[]> {
    const { processes } = await this.#send<{ processes: readonly { pid: number }[] }>('GET', '/v1/status')
    return processes.map(({ pid }) => pid)
  }

  async #natives(): Promise<Natives> {
    const path = '/v1/metrics?match=portcullis_native_objects'
    const { metrics } = await this.#send<{ metrics: readonly Metric[] }>('GET', path)
    const counts = metrics.map(({ name, value }) => [/kind="(.*?)"/.exec(name)?.[1] ?? name, value] as const)
    return Object.fromEntries(counts.filter(([, value]) => value > 0))
  }

  #countsText(): string {
    const { requests, reloads, kills, lost } = this.#counts
    return `${requests} requests, ${reloads} reloads, ${kills} kills, ${lost} connections lost by them, ${this.#failures.length} other failures`
  }
}

function printFigures(
  { memory, natives, failures, ...counts }: SoakFigures,
  print: (line: string) => void,
): void {
  print(`requests ${counts.requests}, reloads ${counts.reloads}, kills ${counts.kills}`)
  print(`connections lost by kills ${counts.lost}, other failures ${failures.length}`)
  for (const { what } of failures.slice(0, 10)) print(`  ${what}`)
  print(`resident memory of the process that lives: ${memory.map(mb => mb.toFixed(0)).join(' MB, then ')} MB`)
  print(`native objects before and after: ${natives.map(counts => JSON.stringify(counts)).join(', ')}`)
}
