import { setTimeout as sleep } from 'node:timers/promises'
import { type ShareLimits, Shares } from '../../core/origin/names/shares.js'
import type { Asked, NameSource, Outcome } from '../../core/origin/names/source.js'

/** A question that a test answers. */
export interface HeldQuestion extends Asked {
  readonly name: string
  isCancelled: boolean
  answer(outcome: Outcome): Promise<void>
}

/** A source that answers when it is told to. */
export function heldSource(
  limits: ShareLimits,
  canCancel = true,
): NameSource & {
  readonly asked: HeldQuestion[]
  /** What a test changes when other answers are to be expected. */
  readonly epochs: { value: unknown }
} {
  const asked: HeldQuestion[] = []
  const epoch: { value: unknown } = { value: 0 }
  const ask = (name: string): Asked => {
    let settle: (outcome: Outcome) => void = () => undefined
    const outcome = new Promise<Outcome>(resolve => {
      settle = resolve
    })
    const open: HeldQuestion = {
      name,
      outcome,
      isCancelled: false,
      cancel: () => {
        open.isCancelled = true
        if (canCancel) settle({ failed: 'ECANCELLED' })
        return canCancel
      },
      answer: async answer => {
        settle(answer)
        await sleep(0)
      },
    }
    asked.push(open)
    return open
  }
  return {
    shares: new Shares(limits),
    asked,
    ask,
    epoch: () => epoch.value,
    close: () => undefined,
    epochs: epoch,
  }
}
