import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import sonic, { type SonicBoom } from 'sonic-boom' // CommonJS: the class is a part of its default
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { after } from '../base/timer.js'
import { Roller } from './roller.js'
import type { Rolling } from './rolling.js'

/** Where finished lines go. */
export interface LogSink {
  /** Never blocks; a line that cannot be kept is lost, and counted. */
  write(line: string): void
  /** Opens the file anew under its name: after a rotation. What was written before is in the old file. */
  reopen(): void
  /** Rolls the file by other rules from now on; undefined for none. */
  roll(rolling: Rolling | undefined): void
  /** Writes what is left, and closes. */
  close(): Promise<void>
}

/** Where several processes write the same files, one rolls them; the others open them anew then. */
export interface SharedRolling {
  /** Whether this process is the one. */
  readonly isOurs: boolean
  /** How many write: the others are taken to write as much as this one, until the file is looked at. */
  readonly writers: number
  /** Called when this process has rolled a file. */
  readonly onRolled: () => void
}

/** Milliseconds that a line may wait for others to be written with. */
const GATHER = 100
const GATHER_CHARS = 65_536
/** What a disk that does not keep up, or is full, may hold in memory. */
const MAX_BYTES = 8_388_608
/** Milliseconds between two reports of trouble. */
const TELL_EVERY = 10_000
const CLOSE_WITHIN = 2000
/** Addresses of clients and what they asked for are not for everyone. */
const MODE = 0o640

/**
 * A file that lines are appended to, in a few large writes, in the background.
 *
 * Life: open -> (reopened)* -> closed. Memory is bounded; lines beyond are lost, and their number is reported.
 */
export class LogFile implements LogSink {
  readonly #path: string
  readonly #onTrouble: (message: string) => void
  readonly #file: SonicBoom
  readonly #shared: SharedRolling | undefined
  #roller: Roller | undefined
  #gathered = ''
  #timer: NodeJS.Timeout | undefined
  #lost = 0
  #closing: Promise<void> | undefined
  #toldAt = Number.NEGATIVE_INFINITY

  /**
   * @param onTrouble called from time to time while lines are lost
   * @throws {ProxyError} PTC_LOG_UNWRITABLE
   */
  constructor(path: string, onTrouble: (message: string) => void, rolling?: Rolling, shared?: SharedRolling) {
    this.#shared = shared
    this.#path = path
    this.#onTrouble = onTrouble
    checkWritable(path)
    this.#file = new sonic.SonicBoom({
      dest: path,
      append: true,
      mode: MODE,
      maxLength: MAX_BYTES,
      sync: false,
    })
    this.#file.on('drop', (text: string) => {
      this.#lost += text.split('\n').length - 1
      this.#tell('it does not keep up')
    })
    this.#file.on('error', (cause: unknown) => this.#tell(describe(cause)))
    this.#file.on('write', (bytes: number) => this.#roller?.wrote(bytes * (shared?.writers ?? 1)))
    this.roll(rolling)
  }

  write(line: string): void {
    if (this.#closing !== undefined) return
    this.#gathered += `${line}\n`
    if (this.#gathered.length >= GATHER_CHARS) this.#flush()
    else
      this.#timer ??= after(
        GATHER,
        () => this.#flush(),
        why => this.#tell(describe(why)),
      ).unref()
  }

  reopen(): void {
    if (this.#closing !== undefined) return
    this.#flush()
    this.#file.reopen()
    this.#roller?.reopened()
  }

  roll(rolling: Rolling | undefined): void {
    this.#roller?.stop()
    this.#roller = undefined
    if (rolling === undefined || this.#closing !== undefined || this.#shared?.isOurs === false) return
    this.#roller = new Roller(this.#path, rolling, {
      reopen: () => {
        this.#file.reopen()
        this.#shared?.onRolled()
      },
      onTrouble: why => this.#onTrouble(`${this.#path}: ${why}`),
    })
  }

  /** May be called twice. Lines that come later are lost. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #close(): Promise<void> {
    this.#roller?.stop()
    this.#flush()
    return new Promise(resolve => {
      const giveUp = (): void => {
        this.#file.destroy()
        resolve()
      }
      const timer = after(CLOSE_WITHIN, giveUp, () => resolve())
      this.#file.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      this.#file.end()
    })
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = this.#gathered
    this.#gathered = ''
    if (text !== '') this.#file.write(text)
  }

  #tell(why: string): void {
    const now = performance.now()
    if (now < this.#toldAt + TELL_EVERY) return
    this.#toldAt = now
    const lost = this.#lost === 0 ? '' : `; ${this.#lost} lines lost`
    this.#lost = 0
    this.#onTrouble(`cannot write ${this.#path}: ${why}${lost}`)
  }
}

/**
 * Looks whether a {@link LogFile} could be opened, and makes nothing.
 * @throws {ProxyError} PTC_LOG_UNWRITABLE
 */
export function checkLogFile(path: string): void {
  try {
    let found = path
    while (!existsSync(found) && dirname(found) !== found) found = dirname(found)
    accessSync(found, constants.W_OK)
    const isFolder = statSync(found).isDirectory()
    if (isFolder && found === path) throw unwritable(path, 'it is a folder')
    if (!isFolder && found !== path) throw unwritable(path, `${found} is no folder`)
  } catch (cause) {
    throw cause instanceof ProxyError ? cause : unwritable(path, describe(cause), cause)
  }
}

const unwritable = (path: string, why: string, cause?: unknown): ProxyError =>
  new ProxyError('PTC_LOG_UNWRITABLE', `cannot write ${path}: ${why}`, { cause })

/** The stream opens its file in the background, where a mistake of the configuration would be noticed too late. */
function checkWritable(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    closeSync(openSync(path, 'a', MODE))
  } catch (cause) {
    throw unwritable(path, describe(cause), cause)
  }
}
