import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { PluginContext, PluginInit } from '../api/plugin.js'
import { ProxyError } from '../base/errors.js'
import { classOf, describe, describeThrown } from '../base/thrown.js'
import type { PluginLine } from '../config/plugin-config.js'
import { type LoadedLine, placeOf } from './resolve.js'
import { readTypedOptions } from './typed-options.js'

/**
 * How often each file was imported by this process. Node keeps every module it ever imported: a query makes the next
 * import a new one, so that a reload gets the file as it is now, with module-level state of its own. What the plugin
 * imports in turn is kept; a change there needs a restart (docs: plugin author's guide).
 */
const imports = new Map<string, number>()

/**
 * A plugin's init function, from its file. If the file exports an `optionsSchema`, the init is handed the options that
 * its line gives.
 * @throws {ProxyError} PTC_PLUGIN_SHAPE, PTC_PLUGIN_CONFIG_INVALID when the line does not fit the schema, or
 *   PTC_PLUGIN_INIT_FAILED if the module itself does not load
 */
export async function importInit(path: string, line: LoadedLine): Promise<PluginInit> {
  const module = await importFresh(path).catch(cause => {
    const why = `${describe(cause)}${syntaxHelp(path, cause)}`
    throw new ProxyError('PTC_PLUGIN_INIT_FAILED', `${placeOf(line)}: cannot load ${path}: ${why}`, { cause })
  })
  if (!isInit(module.default)) {
    const found = module.default === undefined ? 'nothing' : `a value of type ${typeof module.default}`
    throw new ProxyError(
      'PTC_PLUGIN_SHAPE',
      `${placeOf(line)}: ${path} exports ${found} as default; export default the init function`,
    )
  }
  const { default: init, optionsSchema } = module
  if (optionsSchema === undefined) return init
  const options = readTypedOptions(optionsSchema, line)
  return context => init(Object.freeze({ ...context, options }))
}

function importFresh(
  path: string,
): Promise<{ readonly default?: unknown; readonly optionsSchema?: unknown }> {
  const before = imports.get(path) ?? 0
  imports.set(path, before + 1)
  delete createRequire(path).cache[path] // CommonJS is kept by path, whatever the query says
  const url = pathToFileURL(path)
  if (before > 0) url.searchParams.set('load', String(before + 1))
  return import(url.href)
}

/** Node tells the place of a syntax error on stderr alone, and only when it ends with it; so does its `--check`. */
function syntaxHelp(path: string, cause: unknown): string {
  if (path.endsWith('.js') && IS_ES_MODULE.test(describe(cause)))
    return `; the nearest package.json says that it is CommonJS: rename it to .mjs, or set "type": "module" there`
  return classOf(cause) === 'SyntaxError' ? ` (\`node --check ${path}\` shows where)` : ''
}

/** What Node says when it loads an ES module as CommonJS, because a package.json calls it so. */
const IS_ES_MODULE = /Unexpected token 'export'|Cannot use import statement|Cannot require\(\) ES Module/

function isInit(value: unknown): value is PluginInit {
  return typeof value === 'function'
}

/**
 * Calls a plugin's init. What it throws gets its place.
 * @throws {ProxyError} PTC_PLUGIN_INIT_FAILED; an error of the context (an unknown hook, say) keeps its code
 */
export async function runInit(init: PluginInit, context: PluginContext, line: PluginLine): Promise<void> {
  try {
    await init(context)
  } catch (cause) {
    const code = ProxyError.codeOf(cause)
    if (code !== undefined) throw new ProxyError(code, `${placeOf(line)}: ${describe(cause)}`, { cause })
    const text = `${placeOf(line)}: init failed: ${describeThrown(cause)}`
    throw new ProxyError('PTC_PLUGIN_INIT_FAILED', text, { cause })
  }
}
