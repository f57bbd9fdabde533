/**
 * TypeScript source as the rules see it. It is not parsed, only divided into code, comments and strings: enough to
 * find imports and tell a word in code from the same word in a comment.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface SourceFile {
  /** From the project's root, with slashes: `core/tls/judge/verdict.ts`. */
  readonly path: string
  readonly text: string
  /** The text with comments blanked; lines stay where they are. */
  readonly uncommented: string
  /** As `uncommented`, with the contents of strings blanked as well. */
  readonly code: string
  readonly imports: readonly Import[]
}

export interface Import {
  /** As written: `./link.js`, `node:net`, `koffi`. */
  readonly specifier: string
  readonly isTypeOnly: boolean
  readonly isReexport: boolean
  /** `import(…)`: when it runs, if it does. */
  readonly isDynamic?: boolean
  readonly line: number
  /** For a relative specifier, the path of the source file it leads to. */
  readonly file: string | undefined
}

/** A rule's complaint: `core/x.ts:12: why`. A rule without complaints answers an empty list. */
export type Violation = string
export type Rule = (files: readonly SourceFile[]) => Violation[]

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..')

/** All TypeScript files below folders of the project; a folder that is not there has none. */
export function readSources(...folders: string[]): SourceFile[] {
  return folders.flatMap(folder => {
    const names = readdirSync(ROOT).includes(folder)
      ? readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      : []
    return names
      .filter(name => name.endsWith('.ts'))
      .map(name => posix.join(folder, name.replaceAll('\\', '/')))
      .sort()
      .map(path => source(path, readFileSync(join(ROOT, path), 'utf8')))
  })
}

/** A source file from its text; tests of the rules make bad examples with it. */
export function source(path: string, text: string): SourceFile {
  const { uncommented, code } = divide(text)
  return { path, text, uncommented, code, imports: findImports(path, uncommented, code) }
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** One violation for each match of a pattern in a view of the file. */
export function matches(
  file: SourceFile,
  pattern: RegExp,
  why: string,
  view: 'text' | 'uncommented' | 'code' = 'code',
): Violation[] {
  const found = file[view].matchAll(new RegExp(pattern, `${pattern.flags.replace('g', '')}g`))
  return [...found].map(match => `${file.path}:${lineAt(file.text, match.index)}: ${why}: ${match[0].trim()}`)
}

const STATEMENT =
  /^[ \t]*(import|export)\s+(type\s+)?((?:[\w$]+\s*,\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?|[\w$]+)\s+from\s*)?(['"])([^'"\n]+)\4/gm
/** `import('./x.js').Name` in the place of a type cannot be told from a call: all count. */
const CALL = /\b(?:import|require)\(\s*(['"])([^'"\n]+)\1/g

function findImports(path: string, uncommented: string, code: string): Import[] {
  const isCode = (index: number): boolean => /\w/.test(code[index] ?? '')
  const at = (specifier: string, index: number): Pick<Import, 'specifier' | 'line' | 'file'> => ({
    specifier,
    line: lineAt(uncommented, index),
    file: specifier.startsWith('.')
      ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts')
      : undefined,
  })
  const statements = [...uncommented.matchAll(STATEMENT)]
    .map(match => ({ match, index: match.index + match[0].search(/\S/) }))
    .filter(({ index }) => isCode(index))
    .map(({ match: [, keyword, type, clause = '', , specifier = ''], index }) => ({
      ...at(specifier, index),
      isTypeOnly: type !== undefined || hasOnlyTypes(clause),
      isReexport: keyword === 'export',
    }))
  const calls = [...uncommented.matchAll(CALL)]
    .filter(match => isCode(match.index))
    .map(match => ({
      ...at(match[2] ?? '', match.index),
      isTypeOnly: false,
      isReexport: false,
      isDynamic: true,
    }))
  return [...statements, ...calls]
}

/** `{ type A, type B } from`: leaves no trace in the compiled file's names, though the file is still loaded. */
function hasOnlyTypes(clause: string): boolean {
  const names = /^\{([^}]*)\}/
    .exec(clause)?.[1]
    ?.split(',')
    .map(name => name.trim())
  const given = names?.filter(name => name !== '') ?? []
  return given.length > 0 && given.every(name => /^type\s/.test(name))
}

/** Where a slash begins a regular expression rather than a division. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|await|yield))\s*$/

function divide(text: string): { uncommented: string; code: string } {
  const uncommented = [...text]
  const code = [...text]
  const units = [...text]
  const blank = (target: string[], from: number, to: number): void => {
    for (let i = from; i < to; i += 1) if (target[i] !== '\n') target[i] = ' '
  }
  /** For each open `${`, how many braces are open inside it. */
  const templates: number[] = []
  let at = 0
  const skipString = (quote: string): void => {
    const start = at
    at += 1
    while (at < units.length && units[at] !== quote) {
      if (quote === '`' && units[at] === '$' && units[at + 1] === '{') {
        blank(code, start + 1, at)
        templates.push(0)
        at += 2
        return
      }
      if (quote !== '`' && units[at] === '\n') break
      at += units[at] === '\\' ? 2 : 1
    }
    blank(code, start + 1, at)
    at += 1
  }
  const skipRegexp = (): void => {
    const start = at
    at += 1
    for (let inClass = false; at < units.length && units[at] !== '\n'; at += 1) {
      if (units[at] === '\\') at += 1
      else if (units[at] === '[') inClass = true
      else if (units[at] === ']') inClass = false
      else if (units[at] === '/' && !inClass) break
    }
    blank(code, start + 1, at)
    at += 1
  }
  const skipComment = (end: number): void => {
    blank(uncommented, at, end)
    blank(code, at, end)
    at = end
  }
  const find = (what: string): number => {
    const end =
      what === '\n'
        ? units.indexOf('\n', at)
        : units.findIndex((u, i) => i > at + 1 && u === '*' && units[i + 1] === '/')
    return end < 0 ? units.length : what === '\n' ? end : end + 2
  }
  while (at < units.length) {
    const unit = units[at] ?? ''
    const next = units[at + 1]
    if (unit === '/' && next === '/') skipComment(find('\n'))
    else if (unit === '/' && next === '*') skipComment(find('*/'))
    else if (unit === "'" || unit === '"' || unit === '`') skipString(unit)
    else if (unit === '/' && BEFORE_REGEXP.test(code.slice(Math.max(0, at - 40), at).join(''))) skipRegexp()
    else if (templates.length > 0 && (unit === '{' || unit === '}')) {
      const depth = (templates.pop() ?? 0) + (unit === '{' ? 1 : -1)
      if (depth >= 0) {
        templates.push(depth)
        at += 1
      } else skipString('`')
    } else at += 1
  }
  return { uncommented: uncommented.join(''), code: code.join('') }
}
