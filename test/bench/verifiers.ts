/**
 * What each verifier that comes with the proxy adds to a parked handshake: the first time, when it reads or asks, and later,
 * when it knows. The test kit asks them with the proxy's own code; sources are on this machine. `revocation` has a benchmark of
 * its own.
 */
import { chmodSync } from 'node:fs'
import { certificatesOf, type Kit, openKit } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { CtLog, stampedOrigin } from '../kit/ct-log.js'
import { stage } from '../kit/missing-issuers.js'
import { startService } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { type Spread, spread, spreadText } from './figures.js'
import { machineText } from './machine.js'

export interface VerifiersBenchOptions {
  readonly rounds: number
  /** Later handshakes of each round. */
  readonly cached: number
  readonly print: (line: string) => void
}

export interface VerifierFigures {
  /** Milliseconds of the first turn, with its host new. */
  readonly first: Spread
  /** Milliseconds of a later one. */
  readonly later: Spread
}

const HOST = 'bench.test'
/** Answers Squid's questions at once. */
const HELPER = `process.stdin.on('data', data => {
  for (const [, id] of data.toString().matchAll(/^(\\d+) cert_validate/gm)) process.stdout.write(id + ' OK 0 \\x01')
})`
const ACCEPT = { verdict: 'accept' } as const

/** Prints its figures, and answers them. */
export async function benchVerifiers({ rounds, cached, print }: VerifiersBenchOptions) {
  const ends: (() => unknown)[] = []
  const t = { teardown: (end: () => unknown) => void ends.unshift(end) }
  try {
    const dir = makeTempDir()
    t.teardown(dir.remove)
    const log = new CtLog('Oak')
    const made = await stampedOrigin(HOST, entry => [log.stamp(entry)])
    const pem = `${made.leaf}${made.root}`
    const pin = certificatesOf(made.leaf).map(spkiOf)[0] ?? ''
    const url = await startService(t, (request, response) => {
      request.resume()
      response.setHeader('content-type', 'application/json').end(JSON.stringify(ACCEPT))
    })
    const logs = { operators: [{ name: 'One', logs: [log.entry()] }] }
    const file = {
      pins: dir.file('pins.yaml', `pins: [{host: ${HOST}, spki: ["${pin}"]}]`),
      policy: dir.file('policy.yaml', `rules: [{action: allow, host: ${HOST}, age: ">1m"}, {action: block}]`),
      logs: dir.file('log_list.json', JSON.stringify(logs)),
      helper: dir.file('helper.mjs', HELPER),
      program: dir.file('check.sh', '#!/bin/sh\ncat >/dev/null\necho \'{"verdict":"accept"}\'\n'),
    }
    chmodSync(file.program, 0o700)
    let count = 0
    const fresh = (name: string): string => `${dir.path}/${name}-${++count}`
    const lines: Readonly<Record<string, () => string>> = {
      'no plugin': () => '',
      pins: () => `pins file=${file.pins}`,
      policy: () => `policy file=${file.policy}`,
      sct: () => `sct logs=${file.logs} min=1`,
      known_hosts: () => `known_hosts file=${fresh('known_hosts')} mode=tofu`,
      approval: () => `approval remember=${fresh('approvals')}`,
      cert_validator: () =>
        `cert_validator "cmd=${process.execPath} ${file.helper}" children=1 cache=1000 ttl=3600`,
      'cert_validator cache=0': () =>
        `cert_validator "cmd=${process.execPath} ${file.helper}" children=1 cache=0`,
      webhook: () => `webhook url=${url}`,
      exec: () => `exec cmd=${file.program}`,
    }
    print(
      'the turn of a verifier with the test kit around it, milliseconds, median of the rounds (lowest-highest)',
    )
    print(machineText())
    print(`${rounds} rounds, ${cached} later handshakes each; \`no plugin\` is the floor`)
    const figures = new Map<string, VerifierFigures>()
    for (const [name, line] of Object.entries(lines)) {
      const [first, later]: [number[], number[]] = [[], []]
      for (let round = 0; round < rounds; round++) {
        const kit = await openKit(new URL('../../plugins/a.test.js', import.meta.url), line())
        try {
          first.push(await turn(kit, pem))
          const from = performance.now()
          for (let i = 0; i < cached; i++) await turn(kit, pem)
          later.push((performance.now() - from) / cached)
        } finally {
          kit.close()
        }
      }
      figures.set(name, { first: spread(first), later: spread(later) })
    }
    for (const [name, figure] of await fetching(rounds, cached)) figures.set(name, figure)
    for (const [name, { first, later }] of figures)
      print(`  ${name.padEnd(23)} first ${spreadText(first, 2)}, later ${spreadText(later, 3)}`)
    return figures
  } finally {
    for (const end of ends) await end()
  }
}

/** With the whole proxy, because `aia` fetches: its floor is a list of issuers that needs no fetch. */
async function fetching(rounds: number, cached: number): Promise<ReadonlyMap<string, VerifierFigures>> {
  const figures = new Map<string, VerifierFigures>()
  for (const [name, line] of [
    ['aia, issuers in a file', 'aia.js intermediates=known.pem'],
    ['aia, two fetches', 'aia.js allow_private=true'],
  ] as const) {
    const [first, later]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      const ends: (() => unknown)[] = []
      try {
        const { ask } = await stage({ teardown: end => void ends.unshift(end) }, {}, line)
        const asked = async (): Promise<number> => {
          const from = performance.now()
          const status = await ask()
          if (status !== 200) throw new Error(`${line}: ${status}`)
          return performance.now() - from
        }
        first.push(await asked())
        let sum = 0
        for (let i = 0; i < cached; i++) sum += await asked()
        later.push(sum / cached)
      } finally {
        for (const end of ends) await end()
      }
    }
    figures.set(name, { first: spread(first), later: spread(later) })
  }
  return figures
}

/** Milliseconds until the handshake is accepted. A question for a person is answered at once. */
async function turn(kit: Kit, chain: string): Promise<number> {
  const from = performance.now()
  const handshake = await kit.park({ host: HOST, chain })
  const [question] = (await kit.managed('approvals')?.list()) ?? []
  if (question !== undefined) {
    const answer = { ...ACCEPT, scope: 'leaf', duration: undefined, who: 'bench', why: undefined } as const
    await kit.managed('approvals')?.answer(question.id, answer)
  }
  const { kind, detail } = await handshake.ended()
  if (kind !== 'accepted') throw new Error(`${kind}: ${detail}`)
  return performance.now() - from
}
