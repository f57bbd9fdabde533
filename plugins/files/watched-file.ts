import { type FileHandle, open, stat } from 'node:fs/promises'
import { basename } from 'node:path'

/** What a watched file needs of its plugin's context. */
export interface WatchedFileHost {
  readonly error: (message: string) => void
  readonly schedule: (fn: () => unknown, ms: number) => void
}

/** Bytes; a larger file is refused. */
const MAX_BYTES = 16 * 1024 * 1024
/** How often the file is looked at while no handshake asks, milliseconds. */
const POLL = 1000
/** A file that was changed so recently may change again within the same time stamp, milliseconds. */
const RACY = 100

type Reading<T> = { readonly value: T } | { readonly failure: string }

/**
 * A file that an operator edits while the proxy runs. Each call of `current` looks at the file, so the next handshake
 * after a change is judged by the new text. A file that is missing or wrong has no value, not its last one.
 */
export class WatchedFile<T> {
  readonly path: string
  readonly #parse: (text: string) => T
  readonly #host: WatchedFileHost
  readonly #consequence: string
  #reading: Reading<T> = { failure: 'not read' }
  /** The last text that could be read, and what it says. */
  #last: { readonly text: string; readonly reading: Reading<T> } | undefined
  #stamp: string | undefined
  #wasLoaded = false
  #onChange: (before: T | undefined, after: T | undefined) => void = () => undefined
  #inFlight: Promise<Reading<T>> | undefined

  /**
   * @param parse throws with `place: what is wrong` for a text that cannot be used
   * @param consequence what follows while the file cannot be used, for the log
   */
  constructor(
    path: string,
    parse: (text: string) => T,
    host: WatchedFileHost,
    consequence = 'every handshake is rejected',
  ) {
    this.path = path
    this.#parse = parse
    this.#host = host
    this.#consequence = consequence
  }

  /** The name without its folder, for texts that clients read. */
  get name(): string {
    return basename(this.path)
  }

  /**
   * Reads the file for the first time.
   * @throws {Error} with file and line, for a file that cannot be used
   */
  async load(): Promise<T> {
    const reading = await this.#read()
    if ('value' in reading) return reading.value
    throw new Error(reading.failure)
  }

  /** What the file says now; undefined if it cannot be used, which is an ERROR line once a change. */
  async current(): Promise<T | undefined> {
    this.#inFlight ??= this.#look().finally(() => {
      this.#inFlight = undefined
    })
    return valueIn(await this.#inFlight)
  }

  /** Takes over what the plugin has just written itself: it is not a change. */
  adopt(text: string, value: T): void {
    this.#stamp = undefined
    this.#reading = { value }
    this.#last = { text, reading: this.#reading }
  }

  /** Calls `onChange` when the text has changed, also while no handshake asks. Undefined is a file that cannot be used. */
  watch(onChange: (before: T | undefined, after: T | undefined) => void): void {
    this.#onChange = onChange
    const again = async (): Promise<void> => {
      await this.current()
      this.#host.schedule(again, POLL)
    }
    this.#host.schedule(again, POLL)
  }

  async #look(): Promise<Reading<T>> {
    const stamp = await stampOf(this.path)
    return stamp !== undefined && stamp === this.#stamp ? this.#reading : await this.#read()
  }

  async #read(): Promise<Reading<T>> {
    const before = this.#reading
    const after = await this.#parsed()
    if (after === before) return before
    this.#reading = after
    if (!this.#wasLoaded) {
      this.#wasLoaded = 'value' in after
      return after
    }
    if ('failure' in after) this.#host.error(`${after.failure}; ${this.#consequence}`)
    this.#onChange(valueIn(before), valueIn(after))
    return after
  }

  /** The same object as before where nothing has changed. */
  async #parsed(): Promise<Reading<T>> {
    try {
      const { text, stamp } = await readWhole(this.path)
      this.#stamp = stamp
      if (text !== this.#last?.text) this.#last = { text, reading: this.#readingOf(text) }
      return this.#last.reading
    } catch (cause) {
      return this.#failed(cause)
    }
  }

  #readingOf(text: string): Reading<T> {
    try {
      return { value: this.#parse(text) }
    } catch (cause) {
      return this.#failed(cause)
    }
  }

  #failed(cause: unknown): Reading<T> {
    const message = cause instanceof Error ? cause.message : String(cause)
    const failure = message.includes(this.path) ? message : `${this.path}: ${message}`
    const before = this.#reading
    return 'failure' in before && before.failure === failure ? before : { failure }
  }
}

const valueIn = <T>(reading: Reading<T>): T | undefined => ('value' in reading ? reading.value : undefined)

async function readWhole(
  path: string,
): Promise<{ readonly text: string; readonly stamp: string | undefined }> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const found = await file.stat({ bigint: true })
    if (!found.isFile()) throw new Error(`${path}: not a file`)
    if (found.size > MAX_BYTES) throw new Error(`${path}: larger than ${MAX_BYTES} bytes`)
    return { text: await file.readFile('utf8'), stamp: toStamp(found) }
  } finally {
    await file?.close()
  }
}

async function stampOf(path: string): Promise<string | undefined> {
  return await stat(path, { bigint: true }).then(toStamp, () => undefined)
}

interface Stamped {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
}

/** Undefined where a later change could have the same stamp. */
function toStamp({ dev, ino, size, mtimeNs }: Stamped): string | undefined {
  const age = Date.now() - Number(mtimeNs / 1_000_000n)
  return age < RACY ? undefined : [dev, ino, size, mtimeNs].join()
}
