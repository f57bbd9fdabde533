/**
 * Whether plugins of two processes decide alike, as far as the proxy can see: their lines, their code, and the files and folders
 * that their lines name. What a plugin reads elsewhere is not part of it.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { codeOf } from '../base/thrown.js'
import type { PluginLine } from '../config/plugin-config.js'

const CODE = /\.[cm]?[jt]s$/
/** Files of a folder that are looked at; with more, the fingerprint equals no other. */
const MAX_FILES = 1000
/** Bytes that are read for one line; with more, the fingerprint equals no other. */
const MAX_BYTES = 33_554_432

/** A line, and the file that it means. */
export interface PluginFile {
  readonly line: PluginLine
  /** Absolute. */
  readonly path: string
}

export interface Fingerprints {
  /** The digest of all lines of plugin.config and their code. */
  readonly code: string
  /** The digests of the files that one line names, by its number: some of them the plugin may write itself. */
  readonly data: ReadonlyMap<number, string>
}

/** @param confDir absolute: relative names in lines begin there */
export function fingerprintsOf(files: readonly PluginFile[], confDir: string): Fingerprints {
  const code = new Reading()
  const data = new Map<number, string>()
  for (const { line, path } of files) {
    const { argv, options, line: number } = line
    code.add(JSON.stringify([number, argv, options]))
    // What it imports usually lies beside it.
    code.addFolder(dirname(path), name => CODE.test(name) && !name.includes('.d.'))
    const named = new Reading()
    for (const token of argv.slice(1)) named.addNamed(token, confDir)
    data.set(number, named.digest())
  }
  return { code: code.digest(), data }
}

class Reading {
  readonly #hash: Hash = createHash('sha256')
  #left = MAX_BYTES

  digest(): string {
    return this.#hash.digest('base64url')
  }

  add(text: string): void {
    this.#hash.update(text)
  }

  /** A file or folder that a token names: `FILE`, or `option=FILE`. */
  addNamed(token: string, confDir: string): void {
    for (const name of new Set([token, token.slice(token.indexOf('=') + 1)])) {
      const path = resolve(confDir, name)
      this.#addAll(path, { left: MAX_FILES })
    }
  }

  /** The files in it whose names count, without those in folders below. */
  addFolder(folder: string, counts: (name: string) => boolean): void {
    const names = this.#addNames(folder, { left: MAX_FILES }, counts)
    for (const name of names) if (kindOf(join(folder, name)) === 'file') this.#addFile(join(folder, name))
  }

  /** A file, or all that is below a folder. */
  #addAll(path: string, files: Budget): void {
    const kind = kindOf(path)
    if (kind === 'file') this.#addFile(path)
    else if (kind === 'folder')
      for (const name of this.#addNames(path, files)) this.#addAll(join(path, name), files)
    else if (kind === 'hidden') this.#addUnique()
  }

  /** @returns the names, none where they cannot be read or are too many */
  #addNames(
    folder: string,
    files: Budget,
    counts: (name: string) => boolean = () => true,
  ): readonly string[] {
    const names = listOf(folder)?.filter(counts).sort()
    files.left -= names?.length ?? 0
    if (names === undefined || files.left < 0) {
      this.#addUnique()
      return []
    }
    this.add(JSON.stringify(names))
    return names
  }

  #addFile(path: string): void {
    try {
      const { size } = statSync(path)
      this.#left -= size
      if (this.#left < 0) return this.#addUnique()
      this.#hash.update(JSON.stringify(size)).update(readFileSync(path))
    } catch {
      this.#addUnique() // it cannot be read
    }
  }

  /** From here on the digest equals no other. */
  #addUnique(): void {
    this.#hash.update(randomBytes(16))
  }
}

/** How many more files are looked at. */
interface Budget {
  left: number
}

/** Undefined for what is no file, or no path at all; `hidden` for what may be one. */
function kindOf(path: string): 'file' | 'folder' | 'hidden' | undefined {
  try {
    const found = statSync(path)
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : undefined
  } catch (cause) {
    return HIDING.has(codeOf(cause)) ? 'hidden' : undefined
  }
}

/** Errors of what exists, or may exist. */
const HIDING: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EIO', 'ELOOP'])

function listOf(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder)
  } catch {
    return undefined // it cannot be read
  }
}
