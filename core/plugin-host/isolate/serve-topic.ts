import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import type { Managed } from '../managed.js'
import { MAX_ANSWER, MAX_PAGES } from './from-worker.js'
import type { FromWorker, ToWorker } from './messages.js'

type Called = (...args: readonly unknown[]) => Promise<unknown>
type Managing = Extract<ToWorker, { do: 'manage' }>

/** Pages of all lists that the proxy has read in part; beyond it the oldest list is dropped. */
const MAX_UNREAD = 2 * MAX_PAGES

/** In the worker: does what an operator asks. A long list is sent in pages, each when the proxy asks for it. */
export class TopicAnswers {
  readonly #managed: Managed
  /** Pages that were not asked for yet, by the number of the request. */
  readonly #rest = new Map<number, string[]>()

  constructor(managed: Managed) {
    this.#managed = managed
  }

  /** Never rejected: what is wrong is the answer. */
  async answer({ seq, topic, part, args }: Managing): Promise<FromWorker> {
    try {
      const calls = this.#managed.get(topic) as Readonly<Record<string, Called>> | undefined
      const called = calls !== undefined && Object.hasOwn(calls, part) ? calls[part] : undefined
      if (called === undefined) throw new ProxyError('PTC_INTERNAL', `${topic} has no ${part}`)
      const pages = pagesOf((await called(...args)) ?? null, `${part} of ${topic}`)
      return this.#send(seq, pages)
    } catch (cause) {
      const code = ProxyError.codeOf(cause) ?? 'PTC_INTERNAL'
      return { did: 'managed', seq, text: '', error: { code, message: describe(cause) } }
    }
  }

  /** The next page of an answer; undefined where the rest is not wanted. */
  page({ seq, isWanted }: Extract<ToWorker, { do: 'page' }>): FromWorker | undefined {
    const pages = this.#rest.get(seq) ?? []
    this.#rest.delete(seq)
    if (!isWanted) return undefined
    if (pages.length > 0) return this.#send(seq, pages)
    const message = 'other lists were asked for before this one was read: ask again'
    return { did: 'managed', seq, text: '', error: { code: 'PTC_PLUGIN_CALL', message } }
  }

  get #unread(): number {
    return [...this.#rest.values()].reduce((sum, pages) => sum + pages.length, 0)
  }

  #send(seq: number, [text = '', ...rest]: readonly string[]): FromWorker {
    if (rest.length === 0) return { did: 'managed', seq, text }
    this.#rest.set(seq, rest)
    for (const oldest of this.#rest.keys()) if (this.#unread > MAX_UNREAD) this.#rest.delete(oldest)
    return { did: 'managed', seq, text, left: rest.length }
  }
}

/** @param what names it in errors @throws {ProxyError} PTC_PLUGIN_CALL for what is too large */
function pagesOf(value: unknown, what: string): readonly string[] {
  const parts = Array.isArray(value)
    ? value.map(row => JSON.stringify(row) ?? 'null')
    : [JSON.stringify(value) ?? 'null']
  // Brackets, and a comma for each.
  if (parts.some(part => part.length > MAX_ANSWER - 3))
    throw new ProxyError('PTC_PLUGIN_CALL', `${what}: one value has more than ${MAX_ANSWER} characters`)
  if (!Array.isArray(value)) return parts
  const pages: string[] = []
  let rows: string[] = []
  let size = 0
  const end = (): void => {
    pages.push(`[${rows.join()}]`)
    rows = []
    size = 0
  }
  for (const part of parts) {
    if (size + part.length + 3 > MAX_ANSWER) end()
    rows.push(part)
    size += part.length + 1
  }
  end()
  if (pages.length > MAX_PAGES)
    throw new ProxyError('PTC_PLUGIN_CALL', `${what} has more than ${MAX_PAGES * MAX_ANSWER} characters`)
  return pages
}
