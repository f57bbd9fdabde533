import { ProxyError } from './errors.js'
import { linearPattern } from './linear-pattern.js'
import { clip } from './thrown.js'

/** Traffic Server's levels, as far as something here has that weight. Debug lines are of level DIAG, as TSDebug's are. */
export type DiagsLevel = 'DIAG' | 'STATUS' | 'NOTE' | 'WARNING' | 'ERROR' | 'FATAL'

/** The records that decide about debug lines. */
export interface DebugSettings {
  readonly enabled: boolean
  readonly tags: string | null
}

export interface DiagsOptions extends DebugSettings {
  /** Receives finished lines, without an end of line. */
  readonly sink: (line: string) => void
  readonly now?: () => Date
}

/** Characters of a line, before what is not visible is written out. The longest lists every mistake of a file. */
const MAX_LINE = 65_536

/** Tags are few and written in code; the limit is for a plugin that makes them up. */
const MAX_REMEMBERED = 1000

/**
 * Writes diagnostic lines in Traffic Server's shape: `[Nov 22 05:00:00.123] {PTC} DIAG: (tag) message`.
 *
 * Whether a tag is on is asked on hot paths, so the answer for each tag is remembered until the next `reconfigure`.
 */
export class Diags {
  readonly #sink: (line: string) => void
  readonly #now: () => Date
  #isEnabled = false
  #test: (tag: string) => boolean = () => false
  readonly #remembered = new Map<string, boolean>()

  /** @throws {ProxyError} PTC_RECORDS_INVALID when the tags are not a regular expression */
  constructor({ sink, now = () => new Date(), ...settings }: DiagsOptions) {
    this.#sink = sink
    this.#now = now
    this.reconfigure(settings)
  }

  /**
   * Takes over new settings; after an error the old ones stand.
   * @throws {ProxyError} PTC_RECORDS_INVALID when the tags are not a regular expression
   */
  reconfigure({ enabled, tags }: DebugSettings): void {
    const { isOn, wrong } = compileTags(tags)
    if (wrong.length > 0)
      throw new ProxyError('PTC_RECORDS_INVALID', `proxy.config.diags.debug.tags: ${wrong.join()}`)
    this.#isEnabled = enabled
    this.#test = isOn
    this.#remembered.clear()
  }

  isOn(tag: string): boolean {
    if (!this.#isEnabled) return false
    const remembered = this.#remembered.get(tag)
    if (remembered !== undefined) return remembered
    const isOn = this.#test(tag)
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(tag, isOn)
    return isOn
  }

  /** @param message a function where making the text costs something: it is called only if the tag is on */
  debug(tag: string, message: string | (() => string)): void {
    if (!this.isOn(tag)) return
    this.#write('DIAG', `(${tag}) ${typeof message === 'string' ? message : message()}`)
  }

  status(message: string): void {
    this.#write('STATUS', message)
  }

  note(message: string): void {
    this.#write('NOTE', message)
  }

  warning(message: string): void {
    this.#write('WARNING', message)
  }

  error(message: string): void {
    this.#write('ERROR', message)
  }

  /** What ends the program; ending it is the caller's part. */
  fatal(message: string): void {
    this.#write('FATAL', message)
  }

  #write(level: DiagsLevel, message: string): void {
    this.#sink(`[${timestamp(this.#now())}] {PTC} ${level}: ${visible(clip(message, MAX_LINE))}`)
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const pad = (value: number, width = 2): string => String(value).padStart(width, '0')

/** Local time, as Traffic Server prints it. */
function timestamp(at: Date): string {
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`
  return `${MONTHS[at.getMonth()]} ${pad(at.getDate())} ${time}`
}

/** One message is one line: what a certificate or a client sent must not forge another one. */
function visible(message: string): string {
  return message.replace(/[\p{Cc}\u2028\u2029]/gu, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Which debug tags are on: a test, and what is wrong with the expression (then no tag is on). */
export interface TagTest {
  readonly isOn: (tag: string) => boolean
  readonly wrong: readonly string[]
}

const NO_TAG = (): boolean => false

/** No tag of ours is longer; plugins may make tags of what clients send. */
const MAX_TAG = 256

/**
 * Compiles proxy.config.diags.debug.tags: a regular expression that is anchored at the beginning of the tag and has an
 * implicit `.*` at its end. Null switches every tag off.
 */
export function compileTags(tags: string | null): TagTest {
  if (tags === null) return { isOn: NO_TAG, wrong: [] }
  const isMatch = linearPattern(tags, { anchor: 'beginning' })
  if ('wrong' in isMatch) return { isOn: NO_TAG, wrong: [isMatch.wrong] }
  return { isOn: tag => tag.length <= MAX_TAG && isMatch(tag), wrong: [] }
}
