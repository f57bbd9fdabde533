import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginFetch } from '../../core/api/fetch.js'
import { ProxyError } from '../../core/base/errors.js'
import type { NameResolver } from '../../core/origin/dial.js'
import { type ShareLimits, Shares } from '../../core/origin/names/shares.js'
import type { Asked, NameSource, Outcome } from '../../core/origin/names/source.js'

/** Knows no name: for dials to addresses. */
export const NO_NAMES: NameResolver = failsWith(Object.assign(new Error('no names'), { code: 'ENOTFOUND' }))

/** Answers every name with these addresses. */
export function resolvesTo(...addresses: readonly string[]): NameResolver {
  return {
    resolve: async () =>
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }) as const),
    forget: () => undefined,
  }
}

/** Answers no name, for this reason. */
export function failsWith(error: Error): NameResolver {
  return { resolve: () => Promise.reject(error), forget: () => undefined }
}

/** Of a plugin that fetches nothing. */
export const NO_FETCH: PluginFetch = async () => {
  throw new ProxyError('PTC_FETCH_DENIED', 'fetch: there is no network here')
}

/** A question that a test answers. */
interface HeldQuestion extends Asked {
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
