import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { Facts } from './facts.js'
import type { Findings } from './findings.js'

/** What is being migrated, and what has been found so far. */
export interface Source {
  /** Absolute. */
  readonly dir: string
  readonly facts: Facts
  readonly findings: Findings
  /** Names of the plugins that come with the program. */
  readonly shipped: ReadonlySet<string>
}

/** The text of a file of the folder, without carriage returns; undefined where there is none. */
export function textOf({ dir }: Pick<Source, 'dir'>, name: string): string | undefined {
  const path = isAbsolute(name) ? name : join(dir, name)
  if (!existsSync(path)) return undefined
  return readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .replace(/\r+$/gm, '')
}

/** A line that says something, and where it stands. */
export interface SourceLine {
  readonly text: string
  readonly where: string
}

/** Lines without those that are empty or comments; one that ends with a backslash goes on in the next. */
export function linesOf(text: string, file: string): readonly SourceLine[] {
  const lines: SourceLine[] = []
  let begun: { text: string; line: number } | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (begun === undefined && (line === '' || line.startsWith('#'))) continue
    begun = { text: begun === undefined ? line : `${begun.text} ${line}`, line: begun?.line ?? index + 1 }
    if (line.endsWith('\\')) begun.text = begun.text.slice(0, -1).trimEnd()
    else {
      lines.push({ text: begun.text, where: `${file}:${begun.line}` })
      begun = undefined
    }
  }
  if (begun !== undefined) lines.push({ text: begun.text, where: `${file}:${begun.line}` })
  return lines
}

/** Says aloud which of the files that the configuration names are not there. */
export function checkFile({ findings, dir }: Source, where: string, what: string, path: string): void {
  if (!existsSync(resolve(dir, path))) findings.add('wrong', where, `${what} ${path} does not exist`)
}
