import type { ProxyError } from './errors.js'

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (why: unknown) => void
}

/**
 * Calls to another process or thread that wait for their answers, each under its own number.
 *
 * Life of a call: waiting -> answered, given up, or ended with the other side.
 */
export class OpenCalls {
  readonly #waiting = new Map<number, Waiting>()
  #last = 0
  #ended: ProxyError | undefined

  get size(): number {
    return this.#waiting.size
  }

  /**
   * @param post sends the call under its number; what it throws is the result of the call
   * @returns the answer; rejected with the error of `settle` or `end`
   */
  begin(post: (call: number) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      const call = ++this.#last
      this.#waiting.set(call, { resolve, reject })
      try {
        post(call)
      } catch (cause) {
        this.#waiting.delete(call)
        reject(cause)
      }
    })
  }

  /** The answer to a call. One that no call waits for changes nothing. */
  settle(call: number, value: unknown, error?: ProxyError): void {
    const waiting = this.#waiting.get(call)
    this.#waiting.delete(call)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(error)
  }

  /** The other side has gone: each call that waits fails, and each later one. Safe to call twice. */
  end(why: ProxyError): void {
    this.#ended ??= why
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }
}
