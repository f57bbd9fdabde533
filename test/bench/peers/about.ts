/** Where figures come from. It is kept beside a file of results, in a file of the same name and `.about.json`. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, type } from 'node:os'
import { join } from 'node:path'

export interface About {
  /** `2026-11-22` */
  readonly date: string
  readonly machine: string
  readonly versions: readonly string[]
}

/** How each contestant's program tells its version. */
const ASK: Readonly<Record<string, { readonly name: string; readonly argv: readonly string[] }>> = {
  ats: { name: 'Traffic Server', argv: ['traffic_server', '-V'] },
  squid: { name: 'Squid', argv: ['squid', '-v'] },
  'nginx-fwd': { name: 'nginx', argv: ['nginx', '-v'] },
  mitmproxy: { name: 'mitmproxy', argv: ['mitmdump', '--version'] },
}

/** This machine, as it is now. */
export function describeHere(root: string, contestants: readonly string[], when: Date): About {
  const { node, openssl } = process.versions
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  const commit = output(['git', '-C', root, 'rev-parse', '--short', 'HEAD'])?.trim()
  const portcullis = `Portcullis ${own.version}${commit === undefined ? '' : ` (${commit})`}`
  const others = Object.entries(ASK).flatMap(([contestant, { name, argv }]) => {
    if (!contestants.some(other => other === contestant || other.startsWith(`${contestant}-`))) return []
    const version = /\d+\.\d+(?:\.\d+)?/.exec(output(argv) ?? '')?.[0]
    return [`${name} ${version ?? '(version unknown)'}`]
  })
  return {
    date: when.toISOString().slice(0, 10),
    machine: `${model}, ${availableParallelism()} cores, ${type()} ${release().split('-')[0]}`,
    versions: [`${portcullis} on Node ${node} with OpenSSL ${openssl}`, ...others],
  }
}

function output([command = '', ...args]: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout + stderr : undefined
}

const besides = (results: string): string => `${results}.about.json`

export function keepAbout(results: string, about: About): void {
  writeFileSync(besides(results), `${JSON.stringify(about, undefined, 2)}\n`)
}

export function findAbout(results: string): About | undefined {
  const file = besides(results)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as About) : undefined
}
