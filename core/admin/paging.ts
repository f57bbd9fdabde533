import { ProxyError } from '../base/errors.js'

/** Rows in one answer at most, and where a request does not say how many. */
export const MAX_ROWS = 1000

export interface PageQuery {
  readonly limit?: number
  /** The `next` of the page before. */
  readonly cursor?: string
}

/** What a list is sorted by. */
export type Order = readonly (string | number)[]

export interface Page<T> {
  readonly rows: readonly T[]
  /** The cursor of the next page; null behind the last one. */
  readonly next: string | null
}

/**
 * A part of a list that may change between two requests. The cursor names the last row that was sent by its place in the order: rows
 * that come or go meanwhile move no other row out of the pages.
 * @param orderOf what the list is sorted by; rows with the same are told apart by their number
 * @throws {ProxyError} PTC_ADMIN_REQUEST for a cursor that no page has had
 */
export function pageOf<T>(
  rows: readonly T[],
  orderOf: (row: T) => Order,
  { limit = MAX_ROWS, cursor }: PageQuery,
): Page<T> {
  const sorted = rows.map(row => ({ row, order: orderOf(row) })).sort((a, b) => compare(a.order, b.order))
  let same = 0
  const numbered = sorted.map(({ row, order }, i) => {
    const before = sorted[i - 1]
    same = before !== undefined && compare(before.order, order) === 0 ? same + 1 : 0
    return { row, order: [...order, same] }
  })
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const rest = after === undefined ? numbered : numbered.filter(({ order }) => compare(order, after) > 0)
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  const next = last === undefined || page.length === rest.length ? null : writeCursor(last.order)
  return { rows: page.map(({ row }) => row), next }
}

/** Part by part; numbers come before texts, and a beginning before what is longer. */
function compare(one: Order, other: Order): number {
  for (const [i, a] of one.entries()) {
    const b = other[i]
    if (b === undefined) return 1
    if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
    if (a !== b) return a < b ? -1 : 1
  }
  return one.length < other.length ? -1 : 0
}

const writeCursor = (order: Order): string => Buffer.from(JSON.stringify(order)).toString('base64url')

function readCursor(cursor: string): Order {
  try {
    const order: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(order) && order.every(part => typeof part === 'string' || Number.isFinite(part)))
      return order as Order
  } catch {
    // It is none of ours, as below.
  }
  throw new ProxyError('PTC_ADMIN_REQUEST', 'the cursor is none: send the `next` of the page before')
}
