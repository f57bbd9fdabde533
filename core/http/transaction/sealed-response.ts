import type { ResponseSeal } from '../../api/seal.js'
import { toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import type { ResponseHead, ResponseSink } from '../../http1/messages.js'
import type { Link } from '../../vconn/link.js'
import { refused } from '../../wait/refusal.js'

const EMPTY = Buffer.alloc(0)
/** No line break and no other control character, as in every field that is sent. */
const TEXT = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * A response that passes through a plugin's seal, before its transaction and before other plugins. What the seal answers
 * is checked: texts that fit into a head, and as many bytes as have come. An answer that does not hold ends the response.
 */
export class SealedResponse implements ResponseSink {
  readonly #inner: ResponseSink
  readonly #plugin: string
  readonly #seal: ResponseSeal
  /** Bytes of the body that the seal has received and not passed on. */
  #kept = 0

  constructor(inner: ResponseSink, plugin: string, seal: ResponseSeal) {
    this.#inner = inner
    this.#plugin = plugin
    this.#seal = seal
  }

  onInterim(head: ResponseHead): void {
    this.#inner.onInterim(this.#head(head))
  }

  onHead(head: ResponseHead): void {
    this.#inner.onHead(this.#head(head))
  }

  onBody(bytes: Buffer): 'written' | 'held' {
    const passed = this.#body(bytes, false)
    return passed.length === 0 ? 'written' : this.#inner.onBody(passed)
  }

  onPartial(): void {
    this.#inner.onPartial()
  }

  onComplete(trailers: readonly string[]): void {
    let changed: readonly string[]
    try {
      const rest = this.#body(EMPTY, true)
      if (this.#kept !== 0) throw this.#failure()
      changed = this.#fields(trailers)
      if (rest.length > 0) this.#inner.onBody(rest)
    } catch (cause) {
      // The connection has taken the response as complete, and would not report it.
      return this.#inner.onFail(toProxyError(cause, 'the end of a sealed response'), true)
    }
    this.#inner.onComplete(changed)
  }

  onUpgrade(_head: ResponseHead, link: Link, _first: Buffer): void {
    link.destroy()
    const detail = 'a sealed response cannot switch protocols'
    this.#inner.onFail(this.#refused({ by: 'plugin', reason: 'policy', detail }), true)
  }

  onDrain(): void {
    this.#inner.onDrain()
  }

  /** What is said of a malformed response may have words of it. Other errors stay what they are: some may be repeated. */
  onFail(error: ProxyError, sawResponse: boolean): void {
    const hasWords = error.code === 'PTC_RESPONSE_MALFORMED'
    this.#inner.onFail(hasWords ? new ProxyError(error.code, this.#shown(error)) : error, sawResponse)
  }

  #shown({ message }: ProxyError): string {
    try {
      return this.#text(message)
    } catch {
      return 'the response failed'
    }
  }

  #head(head: ResponseHead): ResponseHead {
    return { ...head, reason: this.#text(head.reason), headers: this.#fields(head.headers) }
  }

  #fields(flat: readonly string[]): readonly string[] {
    const fields: string[] = []
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const [name = '', value = ''] = [flat[i], flat[i + 1]]
      if (this.#text(name) === name) fields.push(name, this.#text(value))
    }
    return fields
  }

  #text(text: string): string {
    const changed = this.#call(() => this.#seal.text(text))
    if (typeof changed !== 'string' || !TEXT.test(changed)) throw this.#failure()
    return changed
  }

  #body(bytes: Buffer, isLast: boolean): Buffer {
    const passed = this.#call(() => this.#seal.body(bytes, isLast))
    if (!Buffer.isBuffer(passed)) throw this.#failure()
    this.#kept += bytes.length - passed.length
    if (this.#kept < 0) throw this.#failure()
    return passed
  }

  #call<T>(call: () => T): T {
    try {
      return call()
    } catch {
      throw this.#failure()
    }
  }

  #failure(): ProxyError {
    return this.#refused({ by: 'plugin-failed' })
  }

  #refused(how: Omit<Parameters<typeof refused>[2], 'plugin'>): ProxyError {
    return refused('PTC_PLUGIN_REFUSED_RESPONSE', 'the response', { plugin: this.#plugin, ...how })
  }
}
