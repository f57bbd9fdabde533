/** What docs/architecture.md says about folders and imports, what docs/performance.md says about the files of a request, and paths that any page names. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { MAY_IMPORT } from './imports.js'
import type { MarkdownFile } from './markdown.js'
import { ROOT, type Violation } from './source.js'

export const PAGE = 'docs/architecture.md'
/** Lists the files that a pooled request passes. */
export const WAY_PAGE = 'docs/performance.md'

/** The folders whose contents the page lists in full. */
const LISTED = ['core', 'core/tls', 'core/http']

/** The paths of the layout listing: `core`, `core/tls`, `core/tls/judge`, `core/main.ts`. */
export function listedPaths(page: string): string[] {
  const [, listing = ''] = /^```\n(core\/\n[\s\S]*?)^```$/m.exec(page) ?? []
  const parents: string[] = []
  return listing.split('\n').flatMap(line => {
    const [, indent = '', name] = /^((?: {2}){0,3})([\w.-]+(?:\/|\.ts))(?: |$)/.exec(line) ?? []
    if (name === undefined) return []
    const depth = indent.length / 2
    parents.length = depth
    parents.push(name.replace(/\/$/, ''))
    return [parents.join('/')]
  })
}

/** Folders that are not listed, and listed paths that do not exist. */
export function layoutMistakes(page: string, foldersOf = subfolders, isThere = isInProject): Violation[] {
  const listed = new Set(listedPaths(page))
  const missing = LISTED.flatMap(folder =>
    foldersOf(folder)
      .map(name => `${folder}/${name}`)
      .filter(path => !listed.has(path))
      .map(path => `${PAGE}: its layout does not list ${path}/`),
  )
  const gone = [...listed].filter(path => !isThere(path)).map(path => `${PAGE}: ${path} does not exist`)
  return [...missing, ...gone]
}

/** The files that a pooled request passes. A name without a folder is in the folder of the one before. */
export function filesOnTheWay(page: string): string[] {
  const [, way = ''] = /^```\n(in {5}[\s\S]*?)^```$/m.exec(page) ?? []
  let folder = ''
  return [...way.replace(/^\w+/gm, '').matchAll(/[\w/-]+/g)].map(([name]) => {
    const full = name.includes('/') ? `core/${name}` : `${folder}/${name}`
    folder = full.slice(0, full.lastIndexOf('/'))
    return `${full}.ts`
  })
}

/**
 * On the way of a pooled request no object begins with a spread, unless a comment says `seldom`: on Node 20 each such object
 * has a hidden class of its own, and a request took 40 µs of CPU in place of 29.
 */
export const spreadsOnTheWay = (path: string, text: string): string[] =>
  text
    .split('\n')
    .flatMap((line, i) =>
      /\{ \.\.\./.test(line) && !/\/\/ seldom\b/.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
    )

/** Direct arrows of the drawing of imports: `a -> { b, c } -> d`. */
export function arrowsOf(page: string): Map<string, Set<string>> {
  const [, drawing = ''] = /^```\n(main\.ts -> [\s\S]*?)^```$/m.exec(page) ?? []
  const arrows = new Map<string, Set<string>>()
  for (const line of drawing.split('\n')) {
    const steps = line.split('->').map(step => step.match(/[\w.-]+/g) ?? [])
    steps.slice(1).forEach((to, i) => {
      for (const from of steps[i] ?? []) arrows.set(from, new Set([...(arrows.get(from) ?? []), ...to]))
    })
  }
  return arrows
}

/** Where the drawing and the table of imports disagree: each arrow is allowed, and each allowed import is drawn. */
export function arrowMistakes(page: string, may: typeof MAY_IMPORT): Violation[] {
  const arrows = arrowsOf(page)
  const forbidden = [...arrows].flatMap(([from, tos]) =>
    [...tos]
      .filter(to => may[from]?.values.includes(to) !== true)
      .map(to => `${PAGE}: ${from} -> ${to} is not allowed`),
  )
  const missing = Object.entries(may).flatMap(([from, { values }]) => {
    const reached = reachable(from, arrows)
    return values.filter(to => !reached.has(to)).map(to => `${PAGE}: no arrows lead from ${from} to ${to}`)
  })
  return [...forbidden, ...missing]
}

function reachable(from: string, arrows: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const found = new Set<string>()
  const visit = (part: string): void => {
    for (const to of arrows.get(part) ?? []) {
      if (found.has(to)) continue
      found.add(to)
      visit(to)
    }
  }
  visit(from)
  return found
}

/** A path of the project, in backticks or in a drawing; an example path such as `plugins/pins.js` is not of `core`, `test` or `etc`. */
const PATH = /(?<![\w/.-])(?:core|test|etc)\/[\w./-]*\w\/?/g

/** Paths below core/, test/ and etc/ that a page names and the project does not have. Links and addresses are not paths. */
export function unknownPaths({ path, text }: MarkdownFile, isThere = isInProject): Violation[] {
  const own = text.replace(/\]\([^)]*\)/g, ']').replace(/https?:\S+/g, '')
  return [...new Set(own.match(PATH) ?? [])]
    .filter(named => !isThere(named))
    .map(named => `${path}: ${named} does not exist`)
}

const isInProject = (path: string): boolean => existsSync(join(ROOT, path))

function subfolders(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
}
