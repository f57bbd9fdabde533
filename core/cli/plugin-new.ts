import { mkdirSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { codeOf, describe } from '../base/thrown.js'
import { projectFiles } from './plugin-project.js'

export interface NewPlugin {
  readonly name: string
  readonly isJavaScript: boolean
  /** Where the folder is made. */
  readonly cwd: string
  /** Where this program is installed, and its version: the project depends on it. */
  readonly home: string
  readonly version: string
  readonly print: (line: string) => void
}

/** A plugin's name is that of its file and of its npm package, and stands in URLs and logs. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/
/** What npm refuses as the name of a package, and this package, which the plugin's own would hide. */
const RESERVED = new Set([...builtinModules, 'node_modules', 'favicon.ico', 'portcullis'])

/**
 * Makes the project of a new plugin: it builds, its test passes, its configuration starts.
 * @throws {ProxyError} PTC_USAGE for a name that will not do, PTC_PLUGIN_EXISTS, PTC_CONFIG_UNREADABLE
 */
export function newPlugin({ name, isJavaScript, cwd, home, version, print }: NewPlugin): void {
  checkName(name)
  const folder = join(cwd, name)
  // A program that npm has installed is found by its version, another one by its absolute path: the project may be moved.
  const isInstalled = basename(dirname(resolve(home))) === 'node_modules'
  const dependency = isInstalled ? `^${version}` : `file:${toPosix(resolve(home))}`
  const files = projectFiles({ name, isJavaScript, dependency })
  makeFolder(folder)
  for (const [file, text] of Object.entries(files)) write(join(folder, file), text)
  print(`made ${toPosix(relative(cwd, folder))}: ${Object.keys(files).join(', ')}\n`)
  print(`  cd ${name}\n  npm install\n  npm test\n  npm start`)
}

function checkName(name: string): void {
  const wrong = (why: string): ProxyError =>
    new ProxyError('PTC_USAGE', `${JSON.stringify(name)} cannot be the name of a plugin: ${why}`)
  if (!NAME.test(name))
    throw wrong('lower-case letters, digits, and . _ - after the first of them, at most 100')
  if (/\.(so|[cm]?[jt]s|test)$/.test(name)) throw wrong('it would be taken for the extension of a file')
  if (RESERVED.has(name)) throw wrong('it is taken')
}

/** Not over what is there, not even over an empty folder. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST')
      throw new ProxyError('PTC_PLUGIN_EXISTS', `there already: ${folder}`, { cause })
    throw unwritable(folder, cause)
  }
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text, { flag: 'wx' })
  } catch (cause) {
    throw unwritable(file, cause)
  }
}

function unwritable(path: string, cause: unknown): ProxyError {
  return new ProxyError('PTC_CONFIG_UNREADABLE', `cannot write ${path}: ${describe(cause)}`, { cause })
}

function toPosix(path: string): string {
  return path.split(sep).join('/')
}
