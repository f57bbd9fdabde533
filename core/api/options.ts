/**
 * The options that a plugin takes on its line in plugin.config, as `key=value`: a JSON schema (draft 7) of an object. A
 * plugin exports it as `optionsSchema`, beside its init; what the line says is then parsed and checked before init runs,
 * and is handed to it as `context.options`.
 *
 * ```ts
 * export const optionsSchema = {
 *   type: 'object',
 *   properties: { url: { type: 'string' }, tries: { type: 'integer', minimum: 1, default: 3 } },
 *   required: ['url'],
 * } as const satisfies OptionsSchema
 * ```
 */
export interface OptionsSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, OptionSchema>>
  /** Keys that the line has to give. */
  readonly required?: readonly string[]
  /** Any other keyword of JSON schema. Keys that are not among `properties` are refused whatever it says. */
  readonly [keyword: string]: unknown
}

/** One option. The text after `=` becomes what `type` says; a list is split at its commas. */
export interface OptionSchema {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'array'
  /** The elements of a list, between its commas. */
  readonly items?: {
    readonly type: 'string' | 'number' | 'integer' | 'boolean'
    readonly [keyword: string]: unknown
  }
  readonly enum?: readonly (string | number | boolean)[]
  /** The value where the line gives none. */
  readonly default?: unknown
  /** For people. */
  readonly description?: string
  /** `path`: a file or folder. Relative ones begin in the folder of the configuration; the option is absolute. */
  readonly format?: string
  /** Any other keyword of JSON schema: `minimum`, `pattern`, `uniqueItems`, … */
  readonly [keyword: string]: unknown
}

/** The options of a line, by the schema: those that are required or have a default are always there. */
export type OptionsOf<S extends OptionsSchema> = {
  readonly [K in keyof S['properties'] & AlwaysThere<S>]: ValueOf<S['properties'][K]>
} & {
  readonly [K in Exclude<keyof S['properties'], AlwaysThere<S>>]?: ValueOf<S['properties'][K]>
}

type AlwaysThere<S extends OptionsSchema> =
  | (S['required'] extends readonly (infer K)[] ? K : never)
  | {
      [K in keyof S['properties']]: 'default' extends keyof S['properties'][K] ? K : never
    }[keyof S['properties']]

type ValueOf<O> = O extends { readonly enum: readonly (infer V)[] }
  ? V
  : O extends { readonly type: 'array'; readonly items: infer I }
    ? readonly ValueOf<I>[]
    : O extends { readonly type: infer T extends keyof Values }
      ? Values[T]
      : unknown

interface Values {
  string: string
  number: number
  integer: number
  boolean: boolean
  array: readonly string[]
}
