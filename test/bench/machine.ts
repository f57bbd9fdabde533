import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from '../kit/child.js'
import { PLAIN_ENV } from '../kit/proxy.js'

/** One line about where the figures come from. */
export function machineText(): string {
  const { node, openssl } = process.versions
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const load = loadavg()[0]?.toFixed(1)
  return `${model}, ${availableParallelism()} cores, load ${load}; Node ${node}, OpenSSL ${openssl}`
}

let canPin: boolean | undefined

/** Whether processes can be kept on a core of their own. */
export function isPinning(): boolean {
  canPin ??= availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0
  return canPin
}

/**
 * CPU microseconds that a process has used, all its threads together. The kernel counts them itself; no tick is rounded.
 * @throws {Error} when the system does not tell
 */
export function cpuMicrosOf(pid: number): number {
  if (!existsSync(`/proc/${pid}/schedstat`))
    throw new Error(`no /proc/${pid}/schedstat: this benchmark reads the CPU of a process as Linux tells it`)
  let nanos = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  }
  return nanos / 1000
}

const nodeFor = (script: string, args: readonly string[]): readonly string[] => [
  process.execPath,
  fileURLToPath(new URL(script, import.meta.url)),
  ...args,
]

/** Runs a script, its path seen from this folder, in a process of its own, on whichever core is free. */
export function startAnywhere(script: string, args: readonly string[]): Promise<Child> {
  const [command = '', ...rest] = nodeFor(script, args)
  return startChild(command, rest, { env: PLAIN_ENV })
}

/** The same on one core where that can be had. */
export function startOnCore(core: number, script: string, args: readonly string[]): Promise<Child> {
  const node = nodeFor(script, args)
  const [command = '', ...rest] = isPinning() ? ['taskset', '-c', String(core), ...node] : node
  return startChild(command, rest, { env: PLAIN_ENV })
}
