import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PluginState } from 'portcullis/plugin'
import { changeFile, withLock } from '../files/locked-write.js'
import {
  merge,
  mergeSeen,
  nothingSince,
  type Observed,
  parseObserved,
  type Seen,
  type Sighting,
  seenOnce,
} from './observed.js'
import { toPolicy, toSni } from './rules.js'

/** Hosts between two writes; more are counted only. */
const MAX_PENDING = 10_000
/** How long rules count as just written, milliseconds. */
const RECENT = 60_000

/**
 * What was seen, in memory and in a file. Several threads and processes may have the same file: each adds what it has seen
 * since its last write.
 */
export class Notebook {
  readonly #folder: string
  #hosts = new Map<string, Seen>()
  #others = 0
  readonly #since = Date.now()

  constructor(folder: string) {
    this.#folder = folder
  }

  get file(): string {
    return join(this.#folder, 'observed.json')
  }

  /** @throws {Error} when the folder or the file cannot be used */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const text = JSON.stringify(nothingSince(this.#since))
    await writeFile(this.file, text, { flag: 'wx', mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause
    })
    await this.#read()
  }

  add(sighting: Sighting): void {
    const known = this.#hosts.get(sighting.key)
    const once = seenOnce(sighting)
    if (known !== undefined) this.#hosts.set(sighting.key, mergeSeen(known, once))
    else if (this.#hosts.size < MAX_PENDING) this.#hosts.set(sighting.key, once)
    else this.#others++
  }

  /** Adds what is in memory to the file. What cannot be written stays in memory. @throws {Error} */
  async flush(): Promise<void> {
    if (this.#hosts.size === 0 && this.#others === 0) return
    const pending: Observed = {
      since: this.#since,
      hosts: Object.fromEntries(this.#hosts),
      others: this.#others,
    }
    this.#hosts = new Map()
    this.#others = 0
    try {
      await changeFile(this.file, before => JSON.stringify(merge(this.#parse(before), pending)))
    } catch (cause) {
      const now: Observed = {
        since: this.#since,
        hosts: Object.fromEntries(this.#hosts),
        others: this.#others,
      }
      const both = merge(pending, now)
      this.#hosts = new Map(Object.entries(both.hosts))
      this.#others = both.others
      throw cause
    }
  }

  /** All that was seen, this process's last sightings included. @throws {Error} */
  async observed(): Promise<Observed> {
    await this.flush()
    return await this.#read()
  }

  /**
   * Writes the rules. A file that is there already is kept as `FILE~`, unless an instance of the plugin has just written it:
   * a message reaches all of them.
   * @param recent shared by all instances
   * @returns the files
   * @throws {Error}
   */
  async writeRules(recent: Pick<PluginState, 'get' | 'set'>): Promise<readonly string[]> {
    await this.flush()
    return await withLock(this.file, async () => {
      const observed = await this.#read()
      const texts = { 'policy.yaml': toPolicy(observed), 'sni.yaml': toSni(observed) }
      const written: string[] = []
      for (const [name, text] of Object.entries(texts)) {
        const path = join(this.#folder, name)
        const before = await readIfThere(path)
        await writeFile(`${path}.new`, text, { mode: 0o600 })
        if (before !== undefined && (await recent.get(keyOf(before))) === undefined)
          await copyFile(path, `${path}~`)
        await rename(`${path}.new`, path)
        await recent.set(keyOf(text), true, { ttl: RECENT })
        written.push(path)
      }
      return written
    })
  }

  async #read(): Promise<Observed> {
    try {
      return this.#parse(await readFile(this.file, 'utf8'))
    } catch (cause) {
      throw new Error(`${this.file}: ${cause instanceof Error ? cause.message : cause}`)
    }
  }

  /** Another instance may have made the file and not yet written it: it is empty for a moment. */
  #parse(text: string): Observed {
    return text === '' ? nothingSince(this.#since) : parseObserved(text)
  }
}

/** Names a text in the state. */
const keyOf = (text: string): string => `written ${createHash('sha256').update(text).digest('hex')}`

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    return undefined
  }
}
