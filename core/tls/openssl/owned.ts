import { ProxyError } from '../../base/errors.js'
import { type Handle, NULL } from './library.js'

const live = new Map<string, number>()

/** The number of living native objects of each kind. Tests compare it with zero. */
export function liveNatives(): Readonly<Record<string, number>> {
  return Object.fromEntries(live)
}

/** The owner of one native object: it knows whether the object still exists, and frees it once. */
export class Owned {
  readonly #kind: string
  readonly #free: (handle: Handle) => void
  #handle: Handle

  /**
   * @param handle what the constructor function of OpenSSL returned
   * @throws {ProxyError} PTC_INTERNAL when it returned NULL (out of memory)
   */
  constructor(kind: string, handle: Handle, free: (handle: Handle) => void) {
    if (handle === NULL) throw new ProxyError('PTC_INTERNAL', `OpenSSL could not make a ${kind}`)
    this.#kind = kind
    this.#handle = handle
    this.#free = free
    live.set(kind, (live.get(kind) ?? 0) + 1)
  }

  get isFreed(): boolean {
    return this.#handle === NULL
  }

  /** The address. For a freed object it throws: a defect of this program must not become a crash. */
  get handle(): Handle {
    if (this.#handle === NULL) throw new ProxyError('PTC_INTERNAL', `a freed ${this.#kind} was used`)
    return this.#handle
  }

  /** Safe to call twice. */
  free(): void {
    const handle = this.#handle
    if (handle === NULL) return
    this.#handle = NULL
    live.set(this.#kind, (live.get(this.#kind) ?? 0) - 1)
    this.#free(handle)
  }
}
