import { basename, join } from 'node:path'
import { didYouMean } from '../base/nearest.js'
import { isThere, type Problem, problemsError, quote, readConfigFile } from './config-file.js'
import { type PluginOptions, readOptions } from './plugin-options.js'
import { type Token, tokenize } from './plugin-tokens.js'
import type { RecordValue } from './record-row.js'

/** One plugin, in the order of the file, which is the order of its continuations. */
export interface PluginLine {
  readonly file: string
  readonly line: number
  /** As written: absolute or relative, with or without an extension. */
  readonly path: string
  /** The path's last part without its extension. */
  readonly name: string
  /** `argv[0]` is the path as written. */
  readonly argv: readonly string[]
  readonly options: PluginOptions
}

/** What `$name` is looked up in. */
export type RecordValues = Readonly<Record<string, RecordValue>>

/**
 * Reads `plugin.config`. A missing file names no plugin.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE or PTC_PLUGIN_CONFIG_INVALID
 */
export function loadPluginConfig(confDir: string, records: RecordValues): readonly PluginLine[] {
  const file = join(confDir, 'plugin.config')
  if (!isThere(file)) return Object.freeze([])
  return parsePluginConfig(readConfigFile(file), file, records)
}

/**
 * The plugins that a text names.
 * @param file what errors call the text
 * @throws {ProxyError} PTC_PLUGIN_CONFIG_INVALID, which names every bad line
 */
export function parsePluginConfig(text: string, file: string, records: RecordValues): readonly PluginLine[] {
  const plugins: PluginLine[] = []
  const problems: Problem[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const reading = readLine(line, records)
    if (reading === undefined) continue
    if ('wrong' in reading) problems.push({ where: `${file}:${index + 1}`, what: reading.wrong })
    else plugins.push(Object.freeze({ file, line: index + 1, ...reading }))
  }
  if (problems.length > 0) throw problemsError('PTC_PLUGIN_CONFIG_INVALID', problems)
  return Object.freeze(plugins)
}

type LineReading = Pick<PluginLine, 'path' | 'name' | 'argv' | 'options'> | { readonly wrong: string }

/** Undefined for an empty line and for a comment. */
function readLine(line: string, records: RecordValues): LineReading | undefined {
  const cut = tokenize(line)
  if ('wrong' in cut) return cut
  const [first, ...rest] = cut.tokens
  if (first === undefined) return undefined
  const count = rest.findIndex(token => token.isQuoted || !token.text.startsWith('@'))
  const optionCount = count === -1 ? rest.length : count
  const argv: string[] = []
  for (const token of [first, ...rest.slice(optionCount)]) {
    const text = expand(token, records)
    if (typeof text !== 'string') return text
    argv.push(text)
  }
  const [path = ''] = argv
  const name = nameOf(path)
  if (name === '' || (!first.isQuoted && path.startsWith('@')))
    return { wrong: `${quote(path)} names no plugin; a line begins with the path of a plugin` }
  const reading = readOptions(rest.slice(0, optionCount).map(token => token.text))
  return 'wrong' in reading ? reading : { path, name, argv: Object.freeze(argv), options: reading.options }
}

/** A token that begins with `$`, in quotes or not, stands for the value of a record. */
function expand({ text }: Token, records: RecordValues): string | { readonly wrong: string } {
  if (!text.startsWith('$')) return text
  const name = text.slice(1)
  if (!Object.hasOwn(records, name))
    return {
      wrong: `a token that begins with $ names a record, and there is none called ${quote(name)}${didYouMean(name, Object.keys(records))}`,
    }
  const value = records[name] ?? null
  return value === null
    ? { wrong: `the record ${name} is NULL; ${text} would stand for nothing` }
    : String(value)
}

/** Only what marks a plugin's file is an extension: `pins.v2` is a name. */
function nameOf(path: string): string {
  // Not node's extname: `.so` alone has no name.
  return /[\\/]$/.test(path) ? '' : basename(path).replace(/\.(?:so|[cm]?[jt]s)$/, '')
}
