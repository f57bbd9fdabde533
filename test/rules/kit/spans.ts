/** OpenTelemetry's own tracer, and a handshake to trace. */
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { type Ask, Handshaker } from '../../kit/handshakes.js'
import { opensslOrigin } from '../../kit/openssl-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import type { Cleaner } from './snippets.js'

export class SpanLog {
  readonly #exporter = new InMemorySpanExporter()
  readonly tracer = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.#exporter)],
  }).getTracer('portcullis')

  /** Those that have ended since it was asked last. */
  ended(): readonly ReadableSpan[] {
    const spans = this.#exporter.getFinishedSpans()
    this.#exporter.reset()
    return [...spans]
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
