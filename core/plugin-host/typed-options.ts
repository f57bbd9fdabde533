import { resolve } from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { OptionSchema, OptionsSchema } from '../api/options.js'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { withoutCredentials } from '../base/text.js'
import { describe } from '../base/thrown.js'
import type { PluginLine } from '../config/plugin-config.js'
import { type LoadedLine, placeOf } from './resolve.js'

/** Options as their plugin's schema describes them. */
export type TypedOptions = Readonly<Record<string, unknown>>

type Given = Map<string, string | string[]>

const TYPES = ['string', 'number', 'integer', 'boolean', 'array']

/**
 * What the `key=value` tokens of a plugin's line say, by the schema that the plugin exports. Frozen. Strings of the format
 * `path` are absolute.
 * @throws {ProxyError} PTC_PLUGIN_CONFIG_INVALID that names the line and every wrong key; PTC_PLUGIN_SHAPE when the
 *   schema is none
 */
export function readTypedOptions(schema: unknown, line: LoadedLine): TypedOptions {
  const isValid = compileSchema(schema, line)
  const { properties } = schema as OptionsSchema
  const problems: string[] = []
  const given = readTokens(line.argv.slice(1), properties, problems)
  const options = Object.fromEntries(given)
  // A misspelt option is reported alone: the missing option is the same mistake.
  if (problems.length === 0 && !isValid(options)) {
    const wrong = (isValid.errors ?? []).map(error => problemText(error, given))
    problems.push(...new Set(wrong))
  }
  if (problems.length > 0)
    throw new ProxyError('PTC_PLUGIN_CONFIG_INVALID', `${placeOf(line)}: ${problems.join('\n  ')}`)
  for (const [key, value] of Object.entries<unknown>(options))
    Reflect.set(options, key, Object.freeze(placed(value, properties[key], line.confDir)))
  return Object.freeze(options)
}

/** The format of a string that is a path: relative ones begin in the folder of the configuration. */
const PATH = 'path'

function placed(value: unknown, { format, items }: Partial<OptionSchema> = {}, confDir: string): unknown {
  if (typeof value === 'string') return format === PATH ? resolve(confDir, value) : value
  return Array.isArray(value) && items !== undefined ? value.map(part => placed(part, items, confDir)) : value
}

/** Checks schemas, and keeps none. To compile the schema of schemas takes ten times as long as to compile that of a plugin. */
let checker: Ajv | undefined

function compileSchema(schema: unknown, line: PluginLine): ValidateFunction<TypedOptions> {
  const wrong = (why: string, options?: ErrorOptions): ProxyError =>
    new ProxyError('PTC_PLUGIN_SHAPE', `${placeOf(line)}: its optionsSchema ${why}`, options)
  if (!isOptionsSchema(schema)) throw wrong("is no JSON schema of type 'object' with properties")
  for (const [key, property] of Object.entries(schema.properties))
    if (!TYPES.includes(property?.type))
      throw wrong(`gives the option ${key} no type that fits on a line; known are ${TYPES.join(', ')}`)
  try {
    checker ??= new Ajv({ code: { optimize: false } })
    checker.validateSchema(schema, true)
    const ajv = new Ajv({
      ...{ coerceTypes: true, useDefaults: true, allErrors: true, strictTypes: false },
      ...{ meta: false, validateSchema: false },
      code: { optimize: false }, // takes longer than the one run of the result
    })
    ajv.addFormat(PATH, true)
    return ajv.compile<TypedOptions>(schema)
  } catch (cause) {
    throw wrong(`is no JSON schema: ${describe(cause)}`, { cause })
  }
}

function isOptionsSchema(schema: unknown): schema is OptionsSchema {
  if (typeof schema !== 'object' || schema === null) return false
  const { type, properties } = schema as { type?: unknown; properties?: unknown }
  return type === 'object' && typeof properties === 'object' && properties !== null
}

/** Texts by key; a list, which may be given in several tokens, as the parts between its commas. */
function readTokens(
  tokens: readonly string[],
  properties: Readonly<Record<string, OptionSchema>>,
  problems: string[],
): Given {
  const keys = Object.keys(properties)
  const given: Given = new Map()
  for (const token of tokens) {
    const at = token.indexOf('=')
    const key = keyOf(token)
    const text = token.slice(at + 1)
    const before = given.get(key)
    if (!Object.hasOwn(properties, key))
      problems.push(`unknown option ${JSON.stringify(keyOf(withoutCredentials(token)))}${help(key, keys)}`)
    else if (at < 0) problems.push(`option ${key} has no value; write ${key}=value`)
    else if (properties[key]?.type === 'array') given.set(key, [...(before ?? []), ...splitList(text)])
    else if (before !== undefined) problems.push(`option ${key} is given twice`)
    else given.set(key, text)
  }
  return given
}

const keyOf = (token: string): string => token.split('=', 1)[0] ?? ''

function help(key: string, keys: readonly string[]): string {
  if (keys.length === 0) return '; this plugin takes none'
  return didYouMean(key, keys) || `; known are ${keys.join(', ')}`
}

function splitList(text: string): readonly string[] {
  const parts = text.split(',').map(part => part.trim())
  return parts.filter(part => part !== '')
}

function problemText({ instancePath, message = 'is wrong', params }: ErrorObject, given: Given): string {
  const [, key = '', item] = instancePath.split('/')
  if (key === '') {
    const { missingProperty } = params as { missingProperty?: unknown }
    return typeof missingProperty === 'string'
      ? `option ${missingProperty} is missing`
      : `options: ${message}`
  }
  const value = given.get(key)
  const whole = Array.isArray(value) ? value.join() : (value ?? '')
  // A comma in a password divides it between two items: then the whole list is shown, without it.
  const isSafe = withoutCredentials(whole) === whole
  const text = isSafe && Array.isArray(value) && item !== undefined ? value[Number(item)] : whole
  const { allowedValues } = params as { allowedValues?: unknown }
  const allowed = Array.isArray(allowedValues) ? `: ${allowedValues.join(', ')}` : ''
  return `option ${key}=${withoutCredentials(text ?? '')} ${message}${allowed}`
}
