/**
 * Calls between two processes over a channel that carries plain data: a question with a number, an answer with the same.
 *
 *     call() ──{ ask, name, args }──> receive() ── handler ──{ answer, value | error }──> receive() ── the promise settles
 *
 * The other side may hang without an end. So `ask` also wants a sign that the question has arrived: `{ taken }`. Without the sign it
 * fails soon; with it, the work of the other side may take longer.
 */
import { asFault } from '../base/edge.js'
import { ERRORS } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { OpenCalls } from '../base/open-calls.js'
import { describe } from '../base/thrown.js'
import { after } from '../base/timer.js'

/** What the other side may call, by name. */
export type Handlers = Readonly<Record<string, (...args: never[]) => unknown>>

/** How long a question of an operator waits for another process; milliseconds. */
export interface AskLimits {
  /** Until the question has arrived. */
  readonly taken: number
  /** From then on, until it is answered. */
  readonly answered: number
}

/**
 * A plugin has 30 s for an answer (topics/calls.ts), and several workers may be asked one after another. `ctl` gives up after 120 s:
 * it must hear before that which process has not answered.
 */
export const ASK_LIMITS: AskLimits = { taken: 5000, answered: 100_000 }

export class Calls {
  readonly #post: (message: object) => void
  readonly #handlers: Handlers
  readonly #open = new OpenCalls()
  /** Called when the other side has the question. */
  readonly #onTaken = new Map<number, () => void>()

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
    return this.#open.begin(ask => this.#send({ ask, name, args }))
  }

  /**
   * As `call`, with limits.
   * @param other names the other side in the error
   * @throws {ProxyError} as `call`, and PTC_PROCESS_SILENT; the other side may still do what it was asked
   */
  ask(other: string, limits: AskLimits, name: string, ...args: readonly unknown[]): Promise<unknown> {
    let number = 0
    let timer: NodeJS.Timeout | undefined
    const giveUp = (why: ProxyError): void => this.#open.settle(number, undefined, why)
    const wait = (ms: number): void => {
      clearTimeout(timer)
      const text = `${other} has not answered "${name}" within ${ms / 1000} s; it may still do what was asked`
      timer = after(ms, () => giveUp(new ProxyError('PTC_PROCESS_SILENT', text)), giveUp)
    }
    const asked = this.#open.begin(ask => {
      number = ask
      this.#onTaken.set(ask, () => wait(limits.answered))
      wait(limits.taken)
      this.#send({ ask, name, args, confirm: true })
    })
    return asked.finally(() => {
      clearTimeout(timer)
      this.#onTaken.delete(number)
    })
  }

  #send(question: object): void {
    try {
      this.#post(question)
    } catch (cause) {
      throw new ProxyError('PTC_PROCESS_GONE', describe(cause), { cause })
    }
  }

  /** Takes a message of the other side. One that is no message of this protocol is for others: it changes nothing. */
  receive(message: unknown): void {
    if (typeof message !== 'object' || message === null) return
    const { ask, name, args, confirm, taken, answer, value, error } = message as Readonly<
      Record<string, unknown>
    >
    if (typeof answer === 'number')
      this.#open.settle(answer, value, error === undefined ? undefined : errorOf(error))
    else if (typeof taken === 'number') this.#onTaken.get(taken)?.()
    else if (typeof ask === 'number' && typeof name === 'string' && Array.isArray(args)) {
      if (confirm === true) this.#reply({ taken: ask })
      void this.#handle(ask, name, args)
    }
  }

  /** The other side has gone: every call that waits fails, and every later one. */
  end(why: string): void {
    this.#open.end(new ProxyError('PTC_PROCESS_GONE', why))
  }

  async #handle(ask: number, name: string, args: readonly unknown[]): Promise<void> {
    try {
      const handler = Object.hasOwn(this.#handlers, name) ? this.#handlers[name] : undefined
      if (handler === undefined) throw new ProxyError('PTC_INTERNAL', `no process may call ${name}`)
      this.#post({ answer: ask, value: await handler(...(args as never[])) })
    } catch (cause) {
      const { code, message } = asFault(name, cause)
      this.#reply({ answer: ask, error: { code, message } })
    }
  }

  #reply(message: object): void {
    try {
      this.#post(message)
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

/** In a list, because the answer itself may be undefined; undefined of a process that has ended meanwhile. */
export const answerOf = <T>(
  place: { ask(name: string, ...args: readonly unknown[]): Promise<unknown> },
  name: string,
  args: readonly unknown[],
): Promise<readonly [T] | undefined> =>
  unlessGone(place.ask(name, ...args).then(answer => [answer as T] as const))
