import { contain } from './edge.js'
import { propertyOf } from './thrown.js'

type OnError = (cause: unknown) => void
type Listener = Parameters<AbortSignal['addEventListener']>[1]
type Options = Parameters<AbortSignal['addEventListener']>[2]
type Call = (event: Event) => void

/** What becomes of failures, and what stands in for each listener, so that it is found again when it is taken away. */
interface Containment {
  readonly onError: OnError
  readonly calls: WeakMap<object, Call>
}

const containments = new WeakMap<AbortSignal, Containment>()

/**
 * A controller whose signal is for a plugin: what a listener throws, now or later, goes to `onError`.
 *
 * With a plain signal it would end the process, at a moment that a client chooses by leaving: Node throws it anew on the
 * next tick, where the caller of `abort` cannot catch it. And the signal must be one of Node's: `fetch`, `AbortSignal.any`
 * and others look for marks that only its constructor leaves. So Node makes it, and its class wraps listeners.
 * Signals that a plugin derives from it (`AbortSignal.any`) are plain ones.
 */
export function containedAbort(onError: OnError): AbortController {
  const controller = new AbortController()
  Object.setPrototypeOf(controller.signal, ContainedSignal.prototype)
  containments.set(controller.signal, { onError, calls: new WeakMap() })
  return controller
}

/**
 * Whether that was thrown because a wait ended: `fetch` and others throw the reason of the signal, or an error that it has
 * caused.
 */
export function isAbortOf(signal: AbortSignal | undefined, cause: unknown): boolean {
  if (signal?.aborted !== true) return false
  return cause === signal.reason || propertyOf(cause, 'cause') === signal.reason
}

/** Node's own listeners come this way as well, and so does `onabort`. */
class ContainedSignal extends AbortSignal {
  override addEventListener(type: string, listener: Listener, options?: Options): void {
    super.addEventListener(type, contained(this, listener), options)
  }

  override removeEventListener(type: string, listener: Listener, options?: Options): void {
    super.removeEventListener(type, contained(this, listener), options)
  }
}

/** The same for the same listener. What is no listener is left to Node. */
function contained(signal: AbortSignal, listener: Listener): Listener {
  const containment = containments.get(signal)
  const isObject = typeof listener === 'object' && listener !== null
  if (containment === undefined || (!isObject && typeof listener !== 'function')) return listener
  const { onError, calls } = containment
  const known = calls.get(listener)
  if (known !== undefined) return known
  const call: Call = event =>
    void contain(
      () =>
        typeof listener === 'function'
          ? Reflect.apply(listener, signal, [event])
          : listener.handleEvent(event),
      onError,
    )
  calls.set(listener, call)
  return call
}
