/**
 * What the hook adds to a handshake: with a continuation that approves at once, and with a verdict that is remembered,
 * against the built-in check alone. On a chain that is always the same, where a handshake is cheapest and the share
 * of the hook greatest. The turn of the hook is measured alone too: it is smaller than the noise of handshakes.
 */
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { type Spread, spread, spreadText } from './figures.js'
import { HOST } from './handshake-host.js'
import type { HookCase, HookCosts } from './hooks-cases.js'
import { isPinning, machineText, startOnCore } from './machine.js'

export interface HooksBenchOptions {
  readonly blocks: number
  /** In each block. */
  readonly handshakes: number
  readonly print: (line: string) => void
}

export interface HookFigures {
  /** CPU microseconds for a handshake. */
  readonly handshake: Readonly<Record<HookCase, Spread>>
  /** Handshakes of the same block, to those without a continuation. */
  readonly ratio: Readonly<Record<HookCase, Spread>>
  /** CPU microseconds for the turn of the hook, without the handshake. */
  readonly turn: Readonly<Record<HookCase, Spread>>
}

/** Prints its figures, and answers them. */
export async function benchHooks({ blocks, handshakes, print }: HooksBenchOptions): Promise<HookFigures> {
  print('CPU microseconds of the hook on a new handshake, median of the blocks (lowest-highest)')
  print(`${machineText()}; ${isPinning() ? 'client and origin on a core each' : 'not pinned to cores'}`)
  print(`${blocks} blocks of each by turns, ${handshakes} handshakes each; differences of 20 % are noise`)
  const costs = await measure(blocks, handshakes)
  const each = (of: (name: HookCase) => Spread): Record<HookCase, Spread> => ({
    none: of('none'),
    approve: of('approve'),
    remembered: of('remembered'),
  })
  const base = costs.handshakes.none
  const figures: HookFigures = {
    handshake: each(name => spread(costs.handshakes[name])),
    ratio: each(name => spread(costs.handshakes[name].map((cost, i) => cost / (base[i] ?? Number.NaN)))),
    turn: each(name => spread(costs.turns[name])),
  }
  report(print, figures)
  return figures
}

function report(print: (line: string) => void, { handshake, ratio, turn }: HookFigures): void {
  const share = (name: HookCase): string => {
    const alone = turn[name].median - turn.none.median
    return `${spreadText(turn[name], 1)}, ${((alone / handshake.none.median) * 100).toFixed(1)} % of a handshake`
  }
  print('')
  print('whole handshakes, and their ratio to those without a continuation')
  print(`  no continuation         ${spreadText(handshake.none, 0)}`)
  print(
    `  one that approves       ${spreadText(handshake.approve, 0)}, ratio ${spreadText(ratio.approve, 2)}`,
  )
  print(
    `  remembered verdict      ${spreadText(handshake.remembered, 0)}, ratio ${spreadText(ratio.remembered, 2)}`,
  )
  print('')
  print('the turn of the hook alone')
  print(`  one that approves       ${share('approve')}`)
  print(`  remembered verdict      ${share('remembered')}`)
}

async function measure(blocks: number, handshakes: number): Promise<HookCosts> {
  const dir = makeTempDir()
  const root = await makeAuthority({ name: 'Bench Root' })
  const intermediate = await makeAuthority({ name: 'Bench Intermediate', parent: root })
  const { chainPem, keyPem } = await intermediate.issue({ cn: HOST })
  const ca = dir.file('root.pem', root.certPem)
  const origin = await startOnCore(1, 'handshake-origin.js', [
    dir.file('certificates.json', JSON.stringify([{ chainPem, keyPem }])),
  ])
  try {
    const port = await origin.until(
      () => /^port (\d+)$/m.exec(origin.stdout())?.[1],
      'the port of the origin',
    )
    const client = await startOnCore(0, 'hooks-client.js', [port, ca, String(blocks), String(handshakes)])
    try {
      const code = await client.exited(300_000)
      if (code !== 0) throw new Error(`hooks-client.js ended with ${code}: ${client.stderr()}`)
      return JSON.parse(client.stdout()) as HookCosts
    } finally {
      await client.stop()
    }
  } finally {
    await origin.stop()
    dir.remove()
  }
}
