import { changeFile } from '../files/locked-write.js'
import type { WatchedFile } from '../files/watched-file.js'
import { type KnownHosts, type KnownKey, lineFor, parseKnownHosts } from './host-file.js'

/** A host that is seen for the first time. */
export interface FirstUse {
  readonly name: string
  readonly spki: string
  readonly remark: string
}

/** Hosts in the file. A full file admits no new host. */
const MAX_HOSTS = 50_000

interface Waiting extends FirstUse {
  readonly resolve: (keys: readonly KnownKey[]) => void
  readonly reject: (cause: unknown) => void
}

/**
 * Writes first uses to the file. Of several uses of one host at the same time, in all threads and processes, the first
 * one is written, and all get its key. What arrives during a write is in the next one.
 */
export class FirstUses {
  readonly #file: WatchedFile<KnownHosts>
  #waiting: Waiting[] = []
  #isWriting = false

  constructor(file: WatchedFile<KnownHosts>) {
    this.#file = file
  }

  /**
   * The keys of the host that are in the file afterwards.
   * @throws {Error} when the file cannot be written, or is full
   */
  remember(use: FirstUse): Promise<readonly KnownKey[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...use, resolve, reject })
      if (!this.#isWriting) void this.#writeAll()
    })
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      const uses = this.#waiting
      this.#waiting = []
      await this.#write(uses).then(
        hosts => {
          for (const { name, resolve, reject } of uses) {
            const keys = hosts.get(name)
            if (keys === undefined) reject(new Error(`it has ${MAX_HOSTS} hosts, and takes no more`))
            else resolve(keys)
          }
        },
        cause => {
          for (const { reject } of uses) reject(cause)
        },
      )
    }
    this.#isWriting = false
  }

  async #write(uses: readonly FirstUse[]): Promise<KnownHosts> {
    const { path } = this.#file
    const text = await changeFile(path, before => {
      const known = new Set(parseKnownHosts(before, path).keys())
      let added = ''
      for (const { name, spki, remark } of uses) {
        if (known.has(name) || known.size >= MAX_HOSTS) continue
        known.add(name)
        added += lineFor(name, spki, new Date(), remark)
      }
      if (added === '') return undefined
      return `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${added}`
    })
    const hosts = parseKnownHosts(text, path)
    this.#file.adopt(text, hosts)
    return hosts
  }
}
