/** As much of OpenTelemetry's tracer as the example calls, and a handshake to trace. */
import { type Ask, Handshaker } from '../../kit/handshakes.js'
import { opensslOrigin } from '../../kit/openssl-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import type { Cleaner } from './snippets.js'

type Attributes = Record<string, unknown>

class Span {
  readonly name: string
  readonly attributes: Attributes
  status: object | undefined
  isEnded = false
  readonly #onEnd: (span: Span) => void

  constructor(name: string, attributes: Attributes, onEnd: (span: Span) => void) {
    this.name = name
    this.attributes = { ...attributes }
    this.#onEnd = onEnd
  }

  setAttribute(key: string, value: unknown): void {
    this.attributes[key] = value
  }

  setAttributes(attributes: Attributes): void {
    Object.assign(this.attributes, attributes)
  }

  setStatus(status: object): void {
    this.status = status
  }

  end(): void {
    if (!this.isEnded) this.#onEnd(this)
    this.isEnded = true
  }
}

export class SpanLog {
  readonly #ended: Span[] = []

  startSpan(name: string, { attributes = {} }: { readonly attributes?: Attributes } = {}): Span {
    return new Span(name, attributes, span => void this.#ended.push(span))
  }

  /** Those that have ended since it was asked last. */
  ended(): readonly Span[] {
    return this.#ended.splice(0)
  }
}

export async function oneHandshake(t: Cleaner, plugin: Ask): Promise<void> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await opensslOrigin(await root.issue({ cn: 'a.example' }))
  t.teardown(origin.stop)
  const handshaker = new Handshaker(root.certPem, [plugin])
  const open = await handshaker.start(origin.port, 'a.example').catch(() => undefined)
  open?.link.destroy()
  handshaker.stop()
}
