import type { ErrorObject } from 'ajv'
import { isNode, LineCounter, parseDocument } from 'yaml'
import { ownSchema } from './own-schema.js'

/** A YAML text, and the places of its parts. */
export interface Yaml<T> {
  readonly value: T
  /** `file:line` of a part, such as `['pins', 0, 'spki']`; of the part around it where it is missing. */
  readonly where: (...path: readonly (string | number)[]) => string
}

/**
 * Makes a reader for YAML files of one shape.
 * @param schema JSON schema; `additionalProperties: false` makes misspelt keys errors
 * @returns a function that throws an Error which names file, line and mistake, one a line
 */
export function yamlReader<T>(schema: object): (text: string, file: string) => Yaml<T> {
  const check = ownSchema<T>(schema, { allErrors: true, allowUnionTypes: true })
  return (text, file) => {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
    const at = (offset: number): string => `${file}:${lines.linePos(offset).line}`
    const broken = [...document.errors, ...document.warnings]
    if (broken.length > 0)
      throw new Error(broken.map(({ pos, message }) => `${at(pos[0])}: ${message}`).join('\n'))
    const where = (...path: readonly (string | number)[]): string => {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true)
        if (isNode(node) && node.range) return at(node.range[0])
      }
      return at(0)
    }
    const value: unknown = document.toJS()
    const isValid = check()
    if (isValid(value)) return { value, where }
    const problems = (isValid.errors ?? []).map(error => problemOf(error, where))
    throw new Error([...new Set(problems)].join('\n'))
  }
}

function problemOf(
  { instancePath, keyword, params, message }: ErrorObject,
  where: Yaml<unknown>['where'],
): string {
  const path = instancePath
    .split('/')
    .slice(1)
    .map(part => (/^\d+$/.test(part) ? Number(part) : part))
  const name = path.map(part => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
  const subject = name.replace(/^\./, '') || 'the file'
  const extra = (params as { readonly additionalProperty?: unknown }).additionalProperty
  if (keyword === 'additionalProperties' && typeof extra === 'string')
    return `${where(...path, extra)}: ${subject} has no key "${extra}"`
  const { allowedValues } = params as { readonly allowedValues?: unknown }
  const allowed = Array.isArray(allowedValues) ? `: ${allowedValues.join(', ')}` : ''
  return `${where(...path)}: ${subject} ${message ?? 'is wrong'}${allowed}`
}
