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

const FORMAT = 'proxy.config.log.format'

/** A format that both proxies have under the same name. */
export function keepLogFormat({ facts, findings }: Source, where: string, name: string, known: string): void {
  facts.set(FORMAT, known)
  findings.add('kept', where, `the format ${name}`)
}

/** A format of the other proxy's, translated. @param what the parts of it */
export function changeLogFormat(
  { facts, findings }: Source,
  where: string,
  name: string,
  what: string,
  { format, missing }: { readonly format: string; readonly missing: readonly string[] },
): void {
  if (missing.length > 0)
    findings.add('lost', where, `${what} without a counterpart, logged as -: ${missing.join(' ')}`)
  const wrong = facts.set(FORMAT, format)
  if (wrong.length > 0) findings.add('lost', where, `the format ${name}: ${wrong.join('; ')}; squid is used`)
  else findings.add('changed', where, `the format ${name} is ${FORMAT}`)
}
