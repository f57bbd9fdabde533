/** Pages of lists that change meanwhile. */
import { test } from 'tap'
import { type Order, pageOf } from '../../../core/admin/paging.js'

const rows = (...names: string[]) => names
const orderOf = (name: string): Order => [name.length, name]

test('pages cover a list, each row once', async t => {
  const all = rows('ccc', 'a', 'bb', 'b', 'aa')
  const first = pageOf(all, orderOf, { limit: 2 })
  t.strictSame(first.rows, ['a', 'b'])
  const second = pageOf(all, orderOf, { limit: 2, cursor: first.next ?? '' })
  t.strictSame(second.rows, ['aa', 'bb'])
  const third = pageOf(all, orderOf, { limit: 2, cursor: second.next ?? '' })
  t.strictSame(third, { rows: ['ccc'], next: null })
  t.strictSame(pageOf(all, orderOf, { limit: 5 }).next, null, 'no page behind a last one that is full')
})

test('rows that come or go move no other row out of the pages', async t => {
  const { next } = pageOf(rows('a', 'b', 'c', 'd'), orderOf, { limit: 2 })
  const cursor = next ?? ''
  t.strictSame(pageOf(rows('c', 'd'), orderOf, { cursor }).rows, ['c', 'd'], 'those that were sent have gone')
  t.strictSame(pageOf(rows('0', 'a', 'b', 'bb', 'c'), orderOf, { cursor }).rows, ['c', 'bb'])
})

test('rows that are sorted alike are told apart', async t => {
  const same = [{ n: 1 }, { n: 2 }, { n: 3 }]
  const all: number[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = pageOf(same, () => [0], { limit: 1, ...(cursor && { cursor }) })
    all.push(...page.rows.map(({ n }) => n))
    cursor = page.next
  }
  t.strictSame(all, [1, 2, 3])
})

test('a cursor that no page has had is refused', async t => {
  for (const cursor of ['', 'x', 'bnVsbA', 'e30', Buffer.from('[{}]').toString('base64url')])
    t.throws(() => pageOf(['a'], orderOf, { cursor }), { code: 'PTC_ADMIN_REQUEST' })
})
