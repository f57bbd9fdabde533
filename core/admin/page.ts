import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The files of the page. They are not compiled: the browser gets them as they are. */
const FOLDER = fileURLToPath(new URL('../../../core/admin/page/', import.meta.url))
const SCRIPTS = [
  'answer',
  'api',
  'certificate',
  'chain',
  'configuration',
  'given',
  'health',
  'held',
  'history',
  'list',
  'page',
  'plots',
  'revoke',
  'row',
  'samples',
  'tables',
  'times',
  'views',
  'words',
] as const
const OWN: readonly (readonly [path: string, file: string])[] = [
  ['/', 'index.html'],
  ['/page.css', 'page.css'],
  ...SCRIPTS.map(name => [`/${name}.js`, `${name}.js`] as const),
]
/** The files of the package that draws the plots. */
const UPLOT: readonly (readonly [path: string, file: string])[] = [
  ['/uplot.js', 'uPlot.iife.min.js'],
  ['/uplot.css', 'uPlot.min.css'],
]
const uplotFolder = (): string => dirname(createRequire(import.meta.url).resolve('uplot'))

/** Where a file of the page is, by its path. */
const FILES: ReadonlyMap<string, () => string> = new Map([
  ...OWN.map(([path, file]) => [path, () => join(FOLDER, file)] as const),
  ...UPLOT.map(([path, file]) => [path, () => join(uplotFolder(), file)] as const),
])
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

const read = new Map<string, Buffer>()

/** Answers with a file of the page. @returns false for a path that is none of it */
export function sendPage(path: string, req: IncomingMessage, res: ServerResponse): boolean {
  const file = FILES.get(path)?.()
  if (file === undefined) return false
  const bytes = read.get(file) ?? readFileSync(file)
  read.set(file, bytes)
  req.resume()
  res.writeHead(200, { 'content-type': TYPES[extname(file)], 'content-length': bytes.length })
  res.end(req.method === 'HEAD' ? undefined : bytes)
  return true
}
