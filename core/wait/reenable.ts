import { accept, type Hold, type Reject, reject, type Verdict } from '../api/verdict.js'
import { clip, MAX_MESSAGE } from '../base/thrown.js'

/**
 * 8192 machine words: 64 KB. An answer takes about 8 KB to deliver, and V8 compiles a function that is called for the first time
 * only where 40 KB are left.
 */
const WORDS = Array.from({ length: 8192 }, () => undefined)

function nothing(): void {}

/**
 * Checks that the stack has room for work of the core. A plugin may call the core from the end of its stack; work that runs out
 * of stack stops anywhere in the middle, and its `catch` and `finally` blocks stop as well. V8 has no function that tells what
 * is left: pushing that many arguments is its only check of a known size.
 * @throws {RangeError} when there is less
 */
function needStackRoom(): void {
  Reflect.apply(nothing, undefined, WORDS)
}

/** Characters; the longest that means anything has 52. */
const MAX_REASON = 100

/** A microtask starts with an empty stack. */
const NEXT_MICROTASK = Promise.resolve()

const NO_ROOM: Verdict = Object.freeze(
  reject('internal', 'the plugin answered when its stack was used up; look for endless recursion'),
)

/** Why a call of `reenable` reached nothing: the plugin had answered before, or the answer is no longer wanted. */
export type Ignored = 'second' | 'late'

/**
 * The right to answer once in one plugin's turn. The plugin receives it, and it is revoked when the turn ends.
 *
 * Life: open -> counted (the one call that is delivered) or revoked. A call in either end state reaches nothing, is
 * answered `ignored` and reported to `onIgnored`. The right closes before it delivers, because a delivery may enter the
 * plugin again. A plugin may keep `call` without end: after the end it keeps only `onIgnored` alive.
 *
 * A call without room on the stack is a rejection, whatever it says, because a delivery that stops in the middle leaves what
 * waits in no state at all. It counts at once, and is delivered from an empty stack, unless the right is revoked before. A call
 * that throws a RangeError, because not even that had room, has not counted: the right is open as before.
 */
export class Reenable {
  #deliver: ((verdict: Verdict) => void) | undefined
  #ignored: Ignored = 'late'
  /** A rejection waits for an empty stack. */
  #isRejecting = false
  readonly #onIgnored: (why: Ignored) => void

  constructor(deliver: (verdict: Verdict) => void, onIgnored: (why: Ignored) => void) {
    this.#deliver = deliver
    this.#onIgnored = onIgnored
  }

  /** True until the one call that counts, or until the right is revoked. */
  get isOpen(): boolean {
    return this.#deliver !== undefined
  }

  revoke(): void {
    this.#deliver = undefined
  }

  /** What the plugin gets. Without an argument it accepts. */
  readonly call = (answer?: Verdict): 'counted' | 'ignored' => {
    if (!this.#canCount) return this.#ignore()
    try {
      needStackRoom()
    } catch {
      // Nothing is set before `then` has returned: it may need more than is left.
      void NEXT_MICROTASK.then(() => this.#deliverOnce(NO_ROOM))
      this.#isRejecting = true
      return 'counted'
    }
    const verdict = toVerdict(answer)
    if (!this.#canCount) return this.#ignore() // a getter of the answer has called it
    this.#deliverOnce(verdict)
    return 'counted'
  }

  get #canCount(): boolean {
    return this.#deliver !== undefined && !this.#isRejecting
  }

  #ignore(): 'ignored' {
    this.#onIgnored(this.#isRejecting ? 'second' : this.#ignored)
    return 'ignored'
  }

  #deliverOnce(verdict: Verdict): void {
    const deliver = this.#deliver
    if (deliver === undefined) return
    this.#deliver = undefined
    this.#ignored = 'second'
    deliver(verdict)
  }
}

/**
 * A finished verdict from whatever a plugin in plain JavaScript passed. What is no verdict (`true`, `null`, the
 * function `reject` itself) is a mistake in the plugin, and a mistake means no. The copy cannot change afterwards.
 */
function toVerdict(answer: unknown): Verdict {
  if (answer === undefined) return accept()
  if (typeof answer !== 'object' || answer === null) return noVerdict(answer)
  try {
    return readVerdict(answer)
  } catch {
    return noVerdict(answer) // a getter, or a trap of a proxy, has thrown
  }
}

function readVerdict(answer: object): Verdict {
  const { kind, reason, detail, hold, question } = answer as Readonly<Record<string, unknown>>
  if (question !== undefined && !isQuestionId(question)) return noVerdict(answer)
  if (kind === 'accept') return toAccept(answer)
  if (kind !== 'reject' || typeof reason !== 'string') return noVerdict(answer)
  const word = clip(reason, MAX_REASON) as Reject['reason'] // a word that no table knows still rejects: tls/verdict maps it to policy
  const rejected = {
    ...(typeof detail === 'string' ? reject(word, toLine(detail)) : reject(word)),
    ...(question === undefined ? {} : { question }),
  }
  if (hold === undefined) return Object.freeze(rejected)
  const read = toHold(hold)
  return read === undefined ? noVerdict(answer) : Object.freeze({ ...rejected, hold: read })
}

/** The id of a question ends up in header fields. */
const isQuestionId = (id: unknown): id is string =>
  typeof id === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(id)

/** Both parts end up in header fields. */
function toHold(hold: unknown): Hold | undefined {
  if (typeof hold !== 'object' || hold === null) return undefined
  const { id, retryAfter } = hold as Readonly<Record<string, unknown>>
  if (!isQuestionId(id)) return undefined
  if (typeof retryAfter !== 'number' || !Number.isInteger(retryAfter)) return undefined
  return retryAfter < 1 || retryAfter > 86_400 ? undefined : Object.freeze({ id, retryAfter })
}

function toAccept(answer: {
  expiresAt?: unknown
  cacheFor?: unknown
  scope?: unknown
  question?: unknown
}): Verdict {
  const { expiresAt, cacheFor, scope, question } = answer
  if (expiresAt === undefined && cacheFor === undefined && question === undefined) return accept()
  if (expiresAt !== undefined && !(typeof expiresAt === 'number' && Number.isFinite(expiresAt)))
    return noVerdict(answer)
  return Object.freeze<Verdict>({
    kind: 'accept',
    ...(expiresAt === undefined ? {} : { expiresAt }),
    // Only what is known to be meant is remembered; the narrower scope is the default.
    ...(typeof cacheFor === 'number' && cacheFor > 0
      ? { cacheFor, scope: scope === 'host' ? 'host' : 'chain' }
      : {}),
    ...(isQuestionId(question) ? { question } : {}),
  })
}

function noVerdict(answer: unknown): Verdict {
  return Object.freeze(reject('internal', `the plugin answered with no verdict, but ${kindOf(answer)}`))
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'object' ? 'an object of another shape' : `a ${typeof value}`
}

/** The detail ends up in logs and in a header field: control characters would break either. */
function toLine(text: string): string {
  return clip(text, MAX_MESSAGE)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
}
