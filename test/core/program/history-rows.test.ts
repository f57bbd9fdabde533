/** Which verdicts of several processes are one row for people. */
import { test } from 'tap'
import type { HistoryRow } from '../../../core/admin/held-api.js'
import { shownRows } from '../../../core/program/history-rows.js'

const verdict = (more: Partial<HistoryRow>): HistoryRow => ({
  ...{ id: 1, result: 'accepted', by: 'plugins', plugin: 'approval', host: 'a.test', port: 443 },
  ...{
    reason: null,
    name: null,
    code: null,
    detail: '',
    who: null,
    why: null,
    question: null,
    resumed: false,
  },
  ...{ builtIn: 'X509_V_OK', leaf: { subject: '/CN=a.test', sha256: 'aa' } },
  ...{
    client: null,
    clients: [],
    times: 1,
    since: 100,
    last: 100,
    held: 7,
    command: 'portcullis try a.test',
  },
  ...more,
})
const answer = verdict({
  by: 'person',
  who: 'alice',
  why: 'known',
  question: 'q1',
  times: 0,
  held: 0,
  last: 200,
})
const decided = (id: number, client: string, last: number) =>
  verdict({ id, client, clients: [client], question: 'q1', last, since: last })

test('an answer and the handshakes that it decided in several processes are one row', async t => {
  const rows = [decided(2, '192.0.2.1', 150), answer, decided(3, '192.0.2.2', 300)]
  for (const order of [rows, rows.toReversed()])
    t.strictSame(shownRows(order, {}), [
      {
        ...verdict({ by: 'person', who: 'alice', why: 'known', question: 'q1' }),
        ...{ id: 3, times: 2, since: 100, last: 300, held: 7 },
        ...{ client: '192.0.2.2', clients: ['192.0.2.1', '192.0.2.2'] },
      },
    ])
})

test('the reason of a rejection and the person behind it are in one row, and both are found', async t => {
  const reason = { result: 'rejected', reason: 'policy', name: 'X509_V_ERR_CERT_REJECTED', code: 28 } as const
  const no = { by: 'person', result: 'rejected', who: 'bob', question: 'q2', times: 0 } as const
  const rows = [
    verdict({ ...reason, by: 'plugin', question: 'q2', detail: 'bob' }),
    verdict({ ...no, id: 2 }),
  ]
  for (const search of ['', 'BOB', 'cert_rejected', 'q2'])
    t.match(shownRows(rows, { search }), [{ ...reason, by: 'person', who: 'bob', detail: 'bob', times: 1 }])
  t.strictSame(shownRows(rows, { search: 'alice' }), [])
  t.strictSame(shownRows(rows, { result: 'accepted' }), [])
})

test('what differs stays apart', async t => {
  const apart = [
    answer,
    { question: 'q1', leaf: { subject: '/CN=a.test', sha256: 'bb' } },
    { question: 'q1', result: 'rejected', by: 'plugin' },
    { question: 'q1', resumed: true },
    { host: 'b.test' },
    { port: 8443 },
  ] as const
  t.equal(shownRows(apart.map(verdict), {}).length, apart.length)
})

test('verdicts that say the same in two processes are one row', async t => {
  const rows = shownRows([verdict({ times: 3 }), verdict({ id: 2, times: 4, last: 400 })], {})
  t.match(rows, [{ times: 7, since: 100, last: 400 }])
  t.equal(rows.length, 1)
})

test('an answer without a handshake counts once, and that of an operator names no question', async t => {
  t.match(shownRows([answer], {}), [{ times: 1, question: 'q1' }])
  t.match(shownRows([verdict({ question: 'handshake 7 x' })], {}), [{ question: null }])
})
