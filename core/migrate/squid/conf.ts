/** squid.conf as directives, in their order; files that it includes stand where they are included. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { linesOf, type Source, textOf } from '../source.js'

export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly where: string
}

/** A word, or a text in double quotes, whose quotes stay: they tell the name of a file. */
const WORD = /"(?:[^"\\]|\\.)*"|[^\s"]\S*/g

/** @param file relative to the folder, or absolute */
export function readConf(source: Source, file: string, depth = 0): readonly Directive[] {
  const { findings } = source
  return linesOf(textOf(source, file) ?? '', basename(file)).flatMap(({ text, where }): Directive[] => {
    const placeholder = /<[A-Za-z][^>]*>/.exec(/^(?:logformat|refresh_pattern)\s/.test(text) ? '' : text)?.[0]
    if (placeholder !== undefined) {
      findings.add('wrong', where, `${placeholder} is a placeholder that was not filled in`)
      // A rule that is missing must not open what it closed.
      const [name = '', action = ''] = text.split(/\s+/)
      return name === 'http_access'
        ? [{ name, args: [action, placeholder.replaceAll(/\s+/g, '_')], where }]
        : []
    }
    const words = text.match(WORD) ?? []
    const end = words.findIndex(word => word.startsWith('#'))
    const [name = '', ...args] = end === -1 ? words : words.slice(0, end)
    if (name !== 'include') return [{ name, args, where }]
    return args.flatMap(pattern => included(source, pattern, where, depth))
  })
}

function included(source: Source, pattern: string, where: string, depth: number): readonly Directive[] {
  const path = resolve(source.dir, pattern.replace(/^"(.*)"$/, '$1'))
  const folder = dirname(path)
  const [head = '', ...tails] = basename(path).split('*')
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter(name => fits(name, head, tails))
        .sort()
    : []
  if (files.length === 0 || depth > 16)
    source.findings.add('wrong', where, `include ${pattern}: there is no such file; its rules are unknown`)
  return depth > 16 ? [] : files.flatMap(name => readConf(source, resolve(folder, name), depth + 1))
}

export const unquote = (word: string): string =>
  /^"(.*)"$/.exec(word)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? word

/** Whether a name is the parts in their order, with anything between them. */
function fits(name: string, head: string, tails: readonly string[]): boolean {
  const last = tails.at(-1)
  if (last === undefined) return name === head
  if (!name.startsWith(head) || !name.endsWith(last) || name.length < head.length + last.length) return false
  let at = head.length
  for (const tail of tails) {
    const found = name.indexOf(tail, at)
    if (found === -1) return false
    at = found + tail.length
  }
  return true
}
