/** The words that the schemas of the management API are made of. */
import { MAX_ROWS } from './paging.js'

export const TEXT = { type: 'string' } as const
export const NUMBER = { type: 'number' } as const
export const COUNT = { type: 'integer' } as const

export const object = (properties: Readonly<Record<string, unknown>>, ...optional: string[]) =>
  ({
    type: 'object',
    properties,
    required: Object.keys(properties).filter(name => !optional.includes(name)),
    additionalProperties: false,
  }) as const

export const listOf = (items: unknown) => ({ type: 'array', items }) as const
export const OR_NULL = <S extends object>(schema: S) => ({ ...schema, nullable: true }) as const
export const mapOf = (values: unknown) => ({ type: 'object', additionalProperties: values }) as const
/** The window of a list: how many rows at most, and behind which. */
export const PAGE = {
  limit: { type: 'integer', minimum: 1, maximum: MAX_ROWS },
  cursor: { ...TEXT, maxLength: 4000 },
} as const
export const PAGED = { querystring: object(PAGE, 'limit', 'cursor') } as const
/** The cursor of the next page. */
export const NEXT = { next: OR_NULL(TEXT) } as const
/** The body of an answer with one page of a list. */
export const pageOf = (name: string, items: unknown) => object({ [name]: listOf(items), ...NEXT })
/** Every answer that is none of the others. */
export const FAILED = object({ error: object({ code: TEXT, message: TEXT, remedy: TEXT }) })

/** @param summary what the request does, for the OpenAPI document */
export const answers = (summary: string, status: 200 | 202, schema: unknown) =>
  ({ summary, response: { [status]: schema, '4xx': FAILED, '5xx': FAILED } }) as const

export const LINES = object({ lines: listOf(TEXT) })
