import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { ROOT } from './source.js'

export interface MarkdownFile {
  /** From the project's root, with slashes. */
  readonly path: string
  readonly text: string
}

/** A fenced block. */
export interface Block {
  readonly language: string
  /** From a first line such as `// pins.js` or `# plugin.config`. */
  readonly name: string | undefined
  readonly code: string
  /** Of the fence's first line, from 1. */
  readonly line: number
}

export interface Link {
  readonly target: string
  readonly line: number
}

/** The READMEs, the changelog, and every page below docs/. */
export function readPages(): MarkdownFile[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map(name =>
    posix.join('docs', name.replaceAll('\\', '/')),
  )
  return ['README.md', 'CHANGELOG.md', 'sample-plugins/README.md', ...docs]
    .filter(path => path.endsWith('.md'))
    .map(path => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

export const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm
const NAME = /^(?:\/\/|#) (\S+\.\w+)\n/

export function blocksOf(text: string): Block[] {
  return [...text.matchAll(FENCE)].map(({ 1: language = '', 2: code = '', index }) => ({
    language,
    name: NAME.exec(code)?.[1],
    code,
    line: text.slice(0, index).split('\n').length,
  }))
}

/** Links to files and headings of the project; addresses of the web are not checked. */
export function linksOf(text: string): Link[] {
  const prose = text.replace(FENCE, block => block.replace(/[^\n]/g, ' ')).replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(({ 1: target = '', index }) => ({ target, line: prose.slice(0, index).split('\n').length }))
    .filter(({ target }) => !/^[a-z]+:/.test(target))
}

/** What GitHub makes of headings: `## A first plugin` is reached by `#a-first-plugin`. */
export function anchorsOf(text: string): string[] {
  return [...text.replace(FENCE, '').matchAll(/^#+ (.+)$/gm)].map(({ 1: heading = '' }) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )
}
