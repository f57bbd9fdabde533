import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The files of the page, by path. They are not compiled: the browser gets them as they are. */
const FOLDER = new URL('../../../core/admin/page/', import.meta.url)
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
}

const read = new Map<string, Buffer>()

/** Answers with a file of the page. @returns false for a path that is none of it */
export function sendPage(path: string, req: IncomingMessage, res: ServerResponse): boolean {
  const found = Object.hasOwn(FILES, path) ? FILES[path] : undefined
  if (found === undefined) return false
  const [file, type] = found
  const bytes = read.get(file) ?? readFileSync(new URL(file, FOLDER))
  read.set(file, bytes)
  req.resume()
  res.writeHead(200, { 'content-type': type, 'content-length': bytes.length })
  res.end(req.method === 'HEAD' ? undefined : bytes)
  return true
}
