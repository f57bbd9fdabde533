import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, resolve } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import type { PluginLine } from '../config/plugin-config.js'

/** A line that is loaded, and where its configuration is. */
export interface LoadedLine extends PluginLine {
  /** The folder of the configuration, absolute. */
  readonly confDir: string
}

/** Where a message about this line points. */
export function placeOf(line: PluginLine): string {
  return `${line.file}:${line.line}: plugin ${line.name}`
}

/** Where plugins lie, and what this Node can run. */
export interface PluginPlaces {
  readonly confDir: string
  /**
   * proxy.config.plugin.plugin_dir. A relative one is taken from `confDir`: Traffic Server takes it from the directory
   * it is installed in, never from where it happens to be started, and the configuration is what an installation of
   * this proxy consists of.
   */
  readonly pluginDir: string
  /** Where the plugins lie that come with the proxy; looked at in this order, after `pluginDir`. */
  readonly shippedDirs: readonly string[]
  /** Whether this Node runs TypeScript by stripping its types (`process.features.typescript`). */
  readonly stripsTypes: boolean
}

const JAVASCRIPT = ['.js', '.mjs', '.cjs']
const TYPESCRIPT = ['.ts', '.mts', '.cts']
/** What a missing extension, or the `.so` of a line that Traffic Server would read, may stand for. */
const TRIED = ['.js', '.mjs', '.ts']

/**
 * The file that a line of plugin.config means, absolute.
 * @throws {ProxyError} PTC_PLUGIN_NOT_FOUND with every place looked at; PTC_PLUGIN_TYPESCRIPT
 */
export async function resolvePlugin(line: PluginLine, places: PluginPlaces): Promise<string> {
  const candidates = directories(line.path, places).flatMap(directory =>
    spellings(resolve(directory, line.path)),
  )
  for (const path of candidates) {
    if (!(await isFile(path))) continue
    // Not the next candidate: another file of that name would be another plugin.
    if (!places.stripsTypes && TYPESCRIPT.includes(extname(path))) throw needsNewerNode(line, path)
    return path
  }
  const help = didYouMean(basename(line.path, extname(line.path)), await namesNear(candidates))
  throw new ProxyError(
    'PTC_PLUGIN_NOT_FOUND',
    `${placeOf(line)}: '${line.path}' not found; looked at ${candidates.join(', ')}${help}`,
  )
}

/** The names of what could be plugins in the folders of files that are not there. */
async function namesNear(files: readonly string[]): Promise<readonly string[]> {
  const folders = [...new Set(files.map(file => dirname(file)))]
  const entries = await Promise.all(folders.map(folder => readdir(folder).catch(() => [])))
  return entries
    .flat()
    .filter(name => [...JAVASCRIPT, ...TYPESCRIPT].includes(extname(name)) && !/\.(?:d|test)\./.test(name))
    .map(name => basename(name, extname(name)))
}

function directories(path: string, places: PluginPlaces): readonly string[] {
  return isAbsolute(path) ? ['/'] : [resolve(places.confDir, places.pluginDir), ...places.shippedDirs]
}

function spellings(path: string): readonly string[] {
  const extension = extname(path)
  if (JAVASCRIPT.includes(extension) || TYPESCRIPT.includes(extension)) return [path]
  const stem = extension === '.so' ? path.slice(0, -extension.length) : path
  return TRIED.map(tried => stem + tried)
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    found => found.isFile(),
    () => false,
  )
}

function needsNewerNode(line: PluginLine, path: string): ProxyError {
  return new ProxyError(
    'PTC_PLUGIN_TYPESCRIPT',
    `${placeOf(line)}: ${path} is TypeScript, which this Node cannot run; ` +
      'compile it to JavaScript, or run Node 22.18, 23.6 or newer',
  )
}
