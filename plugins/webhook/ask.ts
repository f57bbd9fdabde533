import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginContext } from 'portcullis/plugin'
import type { RetryBudget } from './retry-budget.js'
import { signedFields } from './sign.js'

export interface AskTerms {
  readonly url: string
  /** Milliseconds for all tries together. */
  readonly timeout: number
  readonly retries: number
  readonly budget: RetryBudget
  readonly fetch: PluginContext['fetch']
}

/** Bytes of an answer. */
const MAX_ANSWER = 65_536
/** The pause before the first retry, milliseconds; it doubles. */
const PAUSE = 100
/** What another try may mend. */
const TRANSIENT: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * Posts a question, again after a failure that may pass. All tries have one id, and each its own time stamp.
 * @returns the text of an answer with status 200 and a JSON type
 * @throws {Error} when there is none in time
 */
export async function askService(
  { url, timeout, retries, budget, fetch }: AskTerms,
  body: string,
  secrets: readonly Buffer[],
  signal: AbortSignal,
): Promise<string> {
  const id = `msg_${randomUUID()}`
  const end = performance.now() + timeout
  budget.earn()
  for (let tries = 0; ; tries++) {
    const left = Math.ceil(end - performance.now())
    const why = await (async () => {
      if (left < 1) return { last: `no answer in ${timeout} ms` }
      try {
        const { status, body: answer } = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...signedFields(id, new Date(), body, secrets) },
          body,
          timeout: left,
          maxBytes: MAX_ANSWER,
          types: ['application/json'],
          isConfigured: true,
          allowPrivate: true,
          failureFor: 0,
          signal,
        })
        if (status === 200) return { answer: answer.toString() }
        return TRANSIENT.has(status)
          ? { transient: `it answers ${status}` }
          : { last: `it answers ${status}` }
      } catch (cause) {
        return { transient: cause instanceof Error ? cause.message : String(cause) }
      }
    })()
    if (why.answer !== undefined) return why.answer
    signal.throwIfAborted()
    const pause = PAUSE * 2 ** tries
    const isOver = why.last !== undefined || tries >= retries || performance.now() + pause > end
    if (isOver || !budget.spend()) throw new Error(`${why.last ?? why.transient} (${tries + 1} tries)`)
    await sleep(pause, undefined, { signal })
  }
}
