import { escapesAt, isBegun, LEADS } from './escapes.js'
import { type Form, findAt, formsOf } from './forms.js'

/** So much of a secret at the end of a text is not shown: the rest may have been cut off. */
const MIN_TAIL = 8
const EMPTY = Buffer.alloc(0)
/** What may follow the first character of a form, beside its second: an escape, or a break of base64. */
const INSIDE = [...LEADS, '\r', '\n']

const codeOf = (character: string): number => character.charCodeAt(0)
const LEAD_CODES: ReadonlySet<number> = new Set(LEADS.map(codeOf))

interface Cleaned {
  readonly text: string
  readonly passed: number
  readonly isChanged: boolean
}

/** The forms of some secrets, and where in a text they can begin. */
export class Wanted {
  readonly #forms: readonly Form[]
  /** By the code of the first character. */
  readonly #byFirst: readonly (readonly Form[])[]
  /** By the codes of the first two: most places of a text are passed by a look into it. */
  readonly #pairs = new Uint8Array(65_536)

  /** @param secrets ASCII */
  constructor(secrets: Iterable<string>) {
    this.#forms = [...new Set(secrets)].flatMap(formsOf)
    const byFirst: Form[][] = Array.from({ length: 256 }, () => [])
    for (const form of this.#forms) {
      const [first, second] = form.tokens
      const seconds = [...(second ?? []), ...INSIDE.map(codeOf)]
      for (const code of new Set([...(first ?? []), ...LEADS.map(codeOf)])) {
        byFirst[code]?.push(form)
        for (const next of seconds) this.#pairs[(code << 8) | next] = 1
      }
    }
    for (const lead of LEADS) this.#pairs.fill(1, codeOf(lead) << 8, (codeOf(lead) + 1) << 8)
    this.#byFirst = byFirst
  }

  /**
   * Puts asterisks in the place of secrets.
   * @param isWhole nothing follows the text
   * @returns the cleaned text, as long as `passed` says; behind it a secret may have begun
   */
  clean(text: string, isWhole: boolean): Cleaned {
    let out = ''
    let done = 0
    const { length } = text
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at)
      // Behind the last character anything may follow.
      if (at + 1 < length && this.#pairs[(code << 8) | text.charCodeAt(at + 1)] === 0) continue
      const end = this.#endOf(text, at, code, isWhole)
      if (end === 'begun') return { text: out + text.slice(done, at), passed: at, isChanged: done > 0 }
      if (end === undefined) continue
      out += text.slice(done, at) + '*'.repeat(end - at)
      done = end
      at = end - 1
    }
    return { text: done === 0 ? text : out + text.slice(done), passed: length, isChanged: done > 0 }
  }

  /** Where the longest secret that begins here ends. */
  #endOf(text: string, at: number, code: number, isWhole: boolean): number | 'begun' | undefined {
    let end: number | undefined
    const forms = this.#byFirst[code] ?? []
    const escapes = LEAD_CODES.has(code) && !isBegun(text, at) ? escapesAt(text, at) : undefined
    for (const form of forms) {
      // Most escapes stand for another character.
      const [first] = form.tokens
      if (escapes !== undefined && !first?.has(code) && !escapes.some(escaped => first?.has(escaped.code)))
        continue
      const found = findAt(text, at, form)
      if (found.kind === 'whole' && (isWhole || !found.mayGrow)) end = Math.max(end ?? 0, found.end)
      else if (found.kind === 'whole') return 'begun'
      else if (found.kind === 'begun' && !isWhole) return 'begun'
      else if (found.kind === 'begun' && found.tokens >= MIN_TAIL) end = text.length
    }
    return end
  }
}

/** Cleans one body, which comes in pieces. What could be the begin of a secret waits for the next piece. */
export class Cleaner {
  readonly #wanted: Wanted
  #kept = ''

  constructor(wanted: Wanted) {
    this.#wanted = wanted
  }

  /** @returns as many bytes as have come so far, but for those that wait */
  push(bytes: Buffer, isLast: boolean): Buffer {
    const text = this.#kept + bytes.toString('latin1')
    if (text === '') return EMPTY
    const hadKept = this.#kept !== ''
    const cleaned = this.#wanted.clean(text, isLast)
    this.#kept = text.slice(cleaned.passed)
    if (!hadKept && !cleaned.isChanged) return bytes.subarray(0, cleaned.passed)
    return Buffer.from(cleaned.text, 'latin1')
  }
}
