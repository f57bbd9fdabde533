/** How the page makes rows of what is held. */
import { test } from 'tap'

interface Row {
  readonly key: string
  readonly kind: string
  readonly since: number
  readonly deadline?: number
}
interface Lists {
  readonly parked: readonly object[]
  readonly held: readonly object[]
  readonly approvals: readonly object[]
  readonly at: number
}

const FILE = new URL('../../../../core/admin/page/held.js', import.meta.url).href
const { rowsOf } = (await import(FILE)) as { rowsOf(lists: Lists): readonly Row[] }

const NOW = 1_000_000
const parked = (id: number, age: number, more: object = {}) => ({
  ...{
    id,
    host: `h${id}.test`,
    port: 443,
    plugin: 'desk',
    connection: 'open',
    age,
    deadline: NOW + 1000 * id,
  },
  ...{ client: '192.0.2.1', accepted: [], question: null, accepting: 'none' },
  leaf: { subject: '/CN=x', issuer: '/CN=y', sha256: 'aa', notBefore: 0, notAfter: 1 },
  ...more,
})
const question = { id: 'q1', host: 'a.test', port: 443, since: NOW - 900, waiting: 2, asked: 2, clients: [] }
const lists = (more: Partial<Lists>): Lists => ({ parked: [], held: [], approvals: [], at: NOW, ...more })

test('a question and the handshakes that wait for it are one row, which ends with the first of them', async t => {
  const rows = rowsOf(
    lists({
      parked: [parked(3, 500, { question: 'q1' }), parked(2, 400, { question: 'q1' }), parked(1, 950)],
      held: [
        { hook: 'TS_VCONN_START_HOOK', plugin: 'gate', about: 'a client', since: NOW - 700, deadline: 0 },
      ],
      approvals: [question],
    }),
  )
  t.strictSame(
    rows.map(({ kind }) => kind),
    ['handshake', 'question', 'other'],
    'oldest first',
  )
  t.equal(rows[1]?.deadline, NOW + 2000)
})

test('a question ends when its plugin sends the first client away', async t => {
  const waiting = [parked(3, 500, { question: 'q1' }), parked(2, 400, { question: 'q1' })]
  const asked = { ...question, waitsUntil: NOW + 1500 }
  const [row] = rowsOf(lists({ parked: waiting, approvals: [asked] }))
  t.equal(row?.deadline, NOW + 1500)
  const [other] = rowsOf(lists({ parked: waiting, approvals: [{ ...asked, waitsUntil: NOW + 9000 }] }))
  t.equal(other?.deadline, NOW + 2000, 'or at the deadline, if that is earlier')
  const [idle] = rowsOf(lists({ approvals: [question] }))
  t.equal(idle?.deadline, undefined)
})

test('a handshake whose question is not listed has a row of its own', async t => {
  const rows = rowsOf(lists({ parked: [parked(1, 10, { question: 'q9' })], approvals: [question] }))
  t.strictSame(rows.map(({ kind }) => kind).sort(), ['handshake', 'question'])
})

test('rows keep their places, whatever delay their ages come with', async t => {
  const first = rowsOf(lists({ parked: [parked(1, 100), parked(2, 100), parked(3, 99)] }))
  const later = rowsOf(lists({ parked: [parked(3, 1103), parked(2, 1101), parked(1, 1100)], at: NOW + 1000 }))
  t.strictSame(
    later.map(({ key, since }) => [key, since]),
    first.map(({ key, since }) => [key, since]),
  )
})

test('another handshake with the same number is another row', async t => {
  const [was] = rowsOf(lists({ parked: [parked(1, 100)] }))
  const [is] = rowsOf(lists({ parked: [parked(1, 100, { host: 'other.test' })] }))
  t.not(is?.key, was?.key)
})
