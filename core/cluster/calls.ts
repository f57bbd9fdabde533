/**
 * Calls between two processes over a channel that carries plain data: a question with a number, an answer with the same.
 *
 *     call() ──{ ask, name, args }──> receive() ── handler ──{ answer, value | error }──> receive() ── the promise settles
 */
import { asFault } from '../base/edge.js'
import { ERRORS } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'

/** What the other side may call, by name. */
export type Handlers = Readonly<Record<string, (...args: never[]) => unknown>>

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (cause: ProxyError) => void
}

export class Calls {
  readonly #post: (message: object) => void
  readonly #handlers: Handlers
  readonly #waiting = new Map<number, Waiting>()
  #last = 0
  #ended: ProxyError | undefined

  /** @param post sends to the other side; it may throw when the channel is closed */
  constructor(post: (message: object) => void, handlers: Handlers) {
    this.#post = post
    this.#handlers = handlers
  }

  /**
   * Calls a function of the other side.
   * @throws {ProxyError} what the function threw there, or PTC_PROCESS_GONE when the other side ends before it answers
   */
  call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      const ask = ++this.#last
      this.#waiting.set(ask, { resolve, reject })
      try {
        this.#post({ ask, name, args })
      } catch (cause) {
        this.#waiting.delete(ask)
        reject(new ProxyError('PTC_PROCESS_GONE', `${name}: ${describe(cause)}`, { cause }))
      }
    })
  }

  /** Takes a message of the other side. One that is no message of this protocol is for others: it changes nothing. */
  receive(message: unknown): void {
    if (typeof message !== 'object' || message === null) return
    const { ask, name, args, answer, value, error } = message as Readonly<Record<string, unknown>>
    if (typeof answer === 'number') this.#settle(answer, value, error)
    else if (typeof ask === 'number' && typeof name === 'string' && Array.isArray(args))
      void this.#handle(ask, name, args)
  }

  /** The other side has gone: every call that waits fails, and every later one. */
  end(why: string): void {
    this.#ended ??= new ProxyError('PTC_PROCESS_GONE', why)
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }

  #settle(answer: number, value: unknown, error: unknown): void {
    const waiting = this.#waiting.get(answer)
    this.#waiting.delete(answer)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(errorOf(error))
  }

  async #handle(ask: number, name: string, args: readonly unknown[]): Promise<void> {
    try {
      const handler = Object.hasOwn(this.#handlers, name) ? this.#handlers[name] : undefined
      if (handler === undefined) throw new ProxyError('PTC_INTERNAL', `no process may call ${name}`)
      this.#post({ answer: ask, value: await handler(...(args as never[])) })
    } catch (cause) {
      this.#fail(ask, asFault(name, cause))
    }
  }

  #fail(ask: number, { code, message }: ProxyError): void {
    try {
      this.#post({ answer: ask, error: { code, message } })
    } catch {
      // The other side has gone, and its calls with it.
    }
  }
}

/** An error of the other process: its code is one of the table, or PTC_INTERNAL. */
function errorOf(error: unknown): ProxyError {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'PTC_INTERNAL'
  return new ProxyError(known, typeof message === 'string' ? message : describe(error))
}

/** What a call answers; undefined where the process has ended meanwhile. @throws {ProxyError} every other failure */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (cause) {
    if (ProxyError.codeOf(cause) === 'PTC_PROCESS_GONE') return undefined
    throw cause
  }
}
