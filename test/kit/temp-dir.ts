import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A directory of its own for a test's files. */
export interface TempDir {
  readonly path: string
  /** Writes a file, readable by its owner alone, and answers its path. */
  file(name: string, content: string | Uint8Array): string
  remove(): void
}

export function makeTempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'portcullis-test-'))
  return {
    path,
    file: (name, content) => {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content, { mode: 0o600 })
      return file
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}
