import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One that has not been written for so long is about a certificate that is gone; milliseconds. */
const UNUSED_FOR = 30 * 86_400_000
const SUFFIX = '.answer'

/**
 * Answers of sources in a folder, as they came. Nothing in a file is trusted: what is read is checked as if it had just
 * been fetched.
 */
export class AnswerFiles {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Undefined for one that is not there, or cannot be read. */
  async read(key: string, maxBytes: number): Promise<Buffer | undefined> {
    const path = this.#path(key)
    try {
      const { size } = await stat(path)
      return size > maxBytes ? undefined : await readFile(path)
    } catch {
      return undefined
    }
  }

  /** Written beside, then renamed: a reader sees all of it. @throws {Error} */
  async write(key: string, bytes: Buffer): Promise<void> {
    const path = this.#path(key)
    const beside = `${path}.${randomBytes(6).toString('hex')}.tmp`
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    try {
      await writeFile(beside, bytes, { mode: 0o600, flag: 'wx' })
      await rename(beside, path)
    } catch (cause) {
      await unlink(beside).catch(() => undefined)
      throw cause
    }
  }

  /** Removes what has not been written for long. */
  async prune(): Promise<void> {
    const names = await readdir(this.#dir).catch(() => [])
    for (const name of names) {
      if (!name.includes(SUFFIX)) continue
      const path = join(this.#dir, name)
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      )
      if (age > UNUSED_FOR) await unlink(path).catch(() => undefined)
    }
  }

  #path(key: string): string {
    return join(this.#dir, `${createHash('sha256').update(key).digest('hex')}${SUFFIX}`)
  }
}
