/**
 * The process of the hook benchmark: handshakes without a continuation, with one that approves, and with a verdict that
 * is remembered, in short blocks by turns, because what is looked for is smaller than a machine's drift. Then the turns
 * of the hook alone, without a handshake around them. Prints JSON: CPU microseconds of each block.
 *
 *     node hooks-client.js PORT CA.pem BLOCKS HANDSHAKES
 */
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import { type Accept, accept } from '../../core/api/verdict.js'
import { HookRegistry } from '../../core/hooks/registry.js'
import { makeAskers } from '../../core/program/wiring/outbound/askers.js'
import { VerdictCache } from '../../core/tls/judge/verdict-cache.js'
import { OutboundQuestions } from '../../core/tls/outbound/questions.js'
import type { OutboundAsker } from '../../core/tls/outbound/settings.js'
import { engineHandshake, measureHandshakes, QUIET } from './engine-handshakes.js'
import { HOOK_CASES, type HookCase, type HookCosts } from './hooks-cases.js'

/** Turns of the hook alone are this many times as many as the handshakes of a block. */
const TURNS = 40

const [portText = '0', ca = '', blocksText = '20', handshakesText = '100'] = process.argv.slice(2)
const [port, blocks, handshakes] = [Number(portText), Number(blocksText), Number(handshakesText)]
const anchor = readFileSync(ca, 'utf8')

/** The hook as the proxy makes it, with a single plugin on it, which always gives the same verdict. */
function askersThat(name: string, verdict: Accept): readonly OutboundAsker[] {
  const registry = new HookRegistry()
  const plugin = { name, line: 1, mode: 'enforce', late: 'reject' } as const
  registry.add(plugin, 'TS_SSL_CERT_VERIFY_HOOK', ({ reenable }: VerifyServerEvent) => reenable(verdict))
  registry.seal()
  return makeAskers(registry, new VerdictCache(1000), QUIET).under({ digest: 'policy' })
}

let seen: VerifyServerEvent | undefined
/** The same asker; it keeps the last event, for the turns that are measured without a handshake. */
const watched = (asker: OutboundAsker): OutboundAsker => ({
  ...asker,
  ask: (event, turn) => {
    seen = event
    asker.ask(event, turn)
  },
})

const askers: Readonly<Record<HookCase, readonly OutboundAsker[]>> = {
  none: [],
  approve: askersThat('approve', accept()).map(watched),
  remembered: askersThat('remember', accept({ cacheFor: 3_600_000 })).map(watched),
}

/** @returns CPU microseconds for each turn */
async function measureTurns(of: readonly OutboundAsker[], evidence: VerifyServerEvent): Promise<number> {
  const deadline = Date.now() + 30_000
  const subject = { evidence, vconn: evidence.vconn, port }
  const count = handshakes * TURNS
  let answers = 0
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) {
    for (const asker of of)
      new OutboundQuestions({ askers: [asker], observer: QUIET }, subject).ask(0, deadline, () => answers++)
    if (i % 100 === 0) await setImmediate() // what a continuation promises is looked at between events
  }
  const used = process.cpuUsage(before)
  if (answers !== count * of.length) throw new Error(`${answers} answers in ${count} turns`)
  return (used.user + used.system) / count
}

const lists = (): Record<HookCase, number[]> => ({ none: [], approve: [], remembered: [] })
const costs = { handshakes: lists(), turns: lists() } satisfies HookCosts

const make = {
  none: engineHandshake(anchor, port, askers.none),
  approve: engineHandshake(anchor, port, askers.approve),
  remembered: engineHandshake(anchor, port, askers.remembered),
}
// Block 0 warms up, and is not counted. Each case is first as often as last.
for (let block = 0; block <= blocks; block++) {
  for (const name of block % 2 === 0 ? HOOK_CASES : [...HOOK_CASES].reverse()) {
    const cost = await measureHandshakes(make[name], handshakes)
    if (block > 0) costs.handshakes[name].push(cost)
  }
}
const event = seen
if (event === undefined) throw new Error('no plugin was asked')
for (let block = 0; block <= blocks; block++) {
  for (const name of HOOK_CASES) {
    const cost = await measureTurns(askers[name], event)
    if (block > 0) costs.turns[name].push(cost)
  }
}
process.stdout.write(`${JSON.stringify(costs)}\n`)
process.exit(0)
