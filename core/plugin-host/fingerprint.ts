/**
 * Whether plugins of two processes decide alike, as far as the proxy can see: their lines, their code, and the files and folders
 * that their lines name. What a plugin finds elsewhere, it does not see.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { PluginLine } from '../config/plugin-config.js'

const CODE = /\.[cm]?[jt]s$/
/** Bytes of a file, and files of a folder, that are looked at; beyond them size and time stand for it. */
const MAX_BYTES = 16_777_216
const MAX_FILES = 1000

/** A line, and the file that it means. */
export interface PluginFile {
  readonly line: PluginLine
  /** Absolute. */
  readonly path: string
}

/** @param confDir absolute: relative names in lines begin there */
export function fingerprintOf(files: readonly PluginFile[], confDir: string): string {
  const hash = createHash('sha256')
  for (const { line, path } of files) {
    const { argv, options, line: number } = line
    hash.update(JSON.stringify([number, argv, options]))
    // What it imports usually lies beside it.
    addFolder(hash, dirname(path), name => CODE.test(name) && !name.includes('.d.'))
    for (const token of argv.slice(1)) addNamed(hash, token, confDir)
  }
  return hash.digest('base64url')
}

/** A file or folder that a token names: `FILE`, `option=FILE`, also after `sha256:` and the like. */
function addNamed(hash: Hash, token: string, confDir: string): void {
  const names = new Set([token, token.slice(token.indexOf('=') + 1)])
  for (const name of names) {
    const path = resolve(confDir, name)
    const kind = kindOf(path)
    if (kind === 'file') addFile(hash, path)
    else if (kind === 'folder') addFolder(hash, path, () => true)
  }
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    const found = statSync(path)
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : undefined
  } catch {
    return undefined // no file, or no path at all
  }
}

function addFolder(hash: Hash, folder: string, counts: (name: string) => boolean): void {
  const names = listOf(folder).filter(counts).sort()
  hash.update(JSON.stringify(names.length))
  for (const name of names.slice(0, MAX_FILES))
    if (kindOf(join(folder, name)) === 'file') addFile(hash.update(JSON.stringify(name)), join(folder, name))
}

function listOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function addFile(hash: Hash, path: string): void {
  try {
    const { size, mtimeMs } = statSync(path)
    const content = size > MAX_BYTES ? `${mtimeMs}` : readFileSync(path)
    hash.update(JSON.stringify(size)).update(content)
  } catch {
    hash.update(randomBytes(16)) // what cannot be read is like nothing else
  }
}
