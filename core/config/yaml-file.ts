import { createRequire } from 'node:module'
import type { ErrorObject } from 'ajv'
import type { Document } from 'yaml'
import type { ErrorCode } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { Schemas } from '../base/schema.js'
import { type Problem, problemsError, quote } from './config-file.js'

const require = createRequire(import.meta.url)

/** Loaded with the first YAML file, which takes about 20 ms: many configurations have none. */
export const yaml = () => require('yaml') as typeof import('yaml')

/** A value out of a YAML text, with the lines that its parts came from. */
export interface YamlReading<T> {
  readonly value: T
  /** `file:line` of a part, such as `['ip_allow', 0, 'methods']`; of the nearest part around it that is there. */
  readonly where: (path: readonly (string | number)[]) => string
}

/**
 * Makes a reader for YAML texts of one shape.
 * @param schema JSON schema in ajv's words; put `additionalProperties: false` where misspelt keys must not pass. Our
 *   own keyword `shape` says in words what a value must be.
 * @param foreign what to say about a key that others know and we do not
 */
export function yamlReader<T>(
  schema: object,
  code: ErrorCode,
  foreign: (key: string) => string | undefined = () => undefined,
): (text: string, file: string) => YamlReading<T> {
  const schemas = new Schemas({ allErrors: true, allowUnionTypes: true, verbose: true, keywords: ['shape'] })
  const check = schemas.check<T>(schema)
  return (text, file) => {
    const { document, at } = parseYaml(text, file, code)
    const where = (path: readonly (string | number)[]): string => at(offsetOf(document, path))
    const value: unknown = document.toJS()
    const isValid = check()
    if (isValid(value)) return { value, where }
    throw problemsError(
      code,
      (isValid.errors ?? []).map(error => toProblem(error, where, foreign)),
    )
  }
}

/** A YAML text as a tree, and what says `file:line` of an offset in it. */
export interface YamlTree {
  readonly document: Document
  readonly at: (offset: number) => string
}

/** @throws {ProxyError} of `code`, with every place where the text is not YAML */
export function parseYaml(text: string, file: string, code: ErrorCode): YamlTree {
  const { LineCounter, parseDocument } = yaml()
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => `${file}:${lines.linePos(offset).line}`
  const broken = [...document.errors, ...document.warnings]
  if (broken.length > 0)
    throw problemsError(
      code,
      broken.map(({ pos, message }) => ({ where: at(pos[0]), what: message })),
    )
  return { document, at }
}

/** Where a part begins; a key counts as the part. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
  const { isMap, isNode, isScalar } = yaml()
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    const key = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === last)?.key
      : undefined
    const node = key ?? document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function toProblem(
  error: ErrorObject,
  where: YamlReading<unknown>['where'],
  foreign: (key: string) => string | undefined,
): Problem {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map(part => (/^\d+$/.test(part) ? Number(part) : part))
  const { keyword, params } = error
  const extra: unknown = keyword === 'additionalProperties' ? params['additionalProperty'] : undefined
  if (typeof extra === 'string') {
    const known = error.parentSchema?.['properties'] ?? {}
    const what = foreign(extra) ?? unknownKey(dotted(path), extra, Object.keys(known))
    return { where: where([...path, extra]), what }
  }
  return { where: where(path), what: `${dotted(path) || 'the file'} ${complaint(error)}` }
}

function unknownKey(parent: string, key: string, known: readonly string[]): string {
  const place = parent === '' ? '' : ` in ${parent}`
  return `unknown key "${key}"${place}${didYouMean(key, known) || `; the keys are ${known.join(', ')}`}`
}

function complaint({ keyword, params, message, data, parentSchema }: ErrorObject): string {
  if (keyword === 'required') return `has no "${String(params['missingProperty'])}"`
  const given = typeof data === 'string' ? ` and is ${quote(data)}` : ''
  const shape: unknown = parentSchema?.['shape']
  if (typeof shape === 'string') return `must be ${shape}${given}`
  const allowed: unknown = keyword === 'enum' ? params['allowedValues'] : undefined
  if (Array.isArray(allowed)) {
    const [only, ...more] = allowed.map(String)
    if (more.length === 0) return `must be ${only}${given}`
    const words = [only ?? '', ...more]
    return `must be one of ${words.join(', ')}${given}${didYouMean(String(data), words)}`
  }
  if (keyword === 'type') return `must be ${String(params['type']).replace(',', ' or ')}`
  return message ?? 'is not accepted'
}

/** `ip_allow[0].methods`, as the file's readers count. */
export function dotted(path: readonly (string | number)[]): string {
  return path
    .map(part => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
}
