import type { Answer } from './no-answer.js'
import { textOf } from './shelf.js'

/**
 * Asks sources one after another until one knows. Each has its share of the time that is left, so a silent one leaves time
 * for the next.
 * @param end when the time is over, by `performance.now()`
 */
export async function askWithin(
  sources: readonly (() => Promise<Answer>)[],
  end: number,
  signal: AbortSignal,
): Promise<Answer> {
  const failed: string[] = []
  for (const [i, ask] of sources.entries()) {
    const share = Math.max(0, (end - performance.now()) / (sources.length - i))
    const answer = await within(ask, share, signal)
    if (answer.kind === 'good' || answer.kind === 'revoked') return answer
    if (answer.kind === 'failed') failed.push(answer.why)
  }
  return failed.length === 0 ? { kind: 'none' } : { kind: 'failed', why: failed.join('; ') }
}

function within(ask: () => Promise<Answer>, ms: number, signal: AbortSignal): Promise<Answer> {
  return new Promise(resolve => {
    const over = (answer: Answer): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(answer)
    }
    const onAbort = (): void => over({ kind: 'failed', why: 'the handshake has ended' })
    const timer = setTimeout(() => over({ kind: 'failed', why: `no answer within ${Math.round(ms)} ms` }), ms)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    ask().then(over, (cause: unknown) => over({ kind: 'failed', why: textOf(cause) }))
  })
}
