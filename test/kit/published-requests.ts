/** The corpora of test/fixtures/requests: each request is sent through a listener to an origin of Node's. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { SMUGGLED } from '../fixtures/smuggling/requests.js'
import { type RawClient, rawClient } from './client.js'
import { nodeOrigin } from './node-origin.js'
import { POOL, type RunningListener, startListener } from './running-listener.js'

/** A line of a corpus; README.md there describes the fields. */
export interface RequestCase {
  readonly id: string
  readonly request: string
  readonly expect: 'refuse' | 'pass' | 'either'
  /** The statuses that the client is answered with: ours, or the origin's 200. */
  readonly answers: readonly number[]
  readonly alone?: true
  readonly inBody?: true
  readonly from?: 'proxy' | 'origin'
}

/** Cases in which this program does something else than their corpus expects, and why it does. */
export interface Departure {
  readonly why: string
  readonly cases: readonly string[]
}

const isPassed = ({ answers: [first = 0], from }: RequestCase): boolean =>
  from === 'origin' || (first > 0 && first < 400)

/**
 * Tests every request of a corpus, that the list names those which are treated otherwise than it expects, and that
 * docs/conformance.md has the counts.
 */
export function testRequests(corpus: string, departures: readonly Departure[]): void {
  const cases = readRequests(corpus)
  t.test(`${corpus}: ${cases.length} requests`, async t => {
    t.ok(cases.length > 0, 'there are cases')
    // An idle connection is never kept: whatever goes out opens one, which the origin counts.
    const listener = await startListener(t, {
      connector: { pool: () => ({ ...POOL, maxIdlePerKey: 0 }) },
      limits: { maxHeaderBytes: 131_072 },
    })
    for (const one of cases) await testRequest(t, listener, one)
    const departing = cases.filter(
      one => one.expect !== 'either' && isPassed(one) !== (one.expect === 'pass'),
    )
    const listed = departures.flatMap(departure => departure.cases)
    t.same(
      [...listed].sort(),
      departing.map(({ id }) => id).sort(),
      'the list is what departs, and nothing else',
    )
    t.match(readFileSync('docs/conformance.md', 'utf8'), `\n${tableRow(corpus, cases)}\n`)
  })
}

async function testRequest(t: Test, listener: RunningListener, one: RequestCase): Promise<void> {
  const { id, answers, alone, inBody, from } = one
  const origin = await nodeOrigin({
    maxHeaderSize: 262_144,
    // Only what has come whole is answered.
    handler: (request, response) => void request.resume().on('end', () => response.end('whole')),
  })
  const client = await rawClient(listener.port)
  client.send(bytesOf(one, origin.port))
  if (alone === true) client.end()
  t.same(await readAnswers(client, one), answers, id)
  client.stop()
  const complete = origin.requests.filter(request => request.isComplete)
  const answered = answers.filter(status => status === 200).length - (from === 'proxy' ? 1 : 0)
  t.equal(complete.length, answered, `${id}: the origin has read what was answered, and nothing else`)
  if (!isPassed(one) && inBody !== true) t.equal(origin.connections, 0, `${id}: not a byte has gone out`)
  const isFollowed = answers.filter(status => status >= 200).length === 2 && answers.at(-1) === 200
  if (isFollowed) t.match(complete.at(-1), { method: 'GET', url: '/SECRET' }, `${id}: the next one is read`)
  await origin.stop()
}

/** The bytes of a case, and the request that follows it on its connection. */
export function bytesOf({ request, alone }: RequestCase, port: number): Buffer {
  const text = request.replaceAll(/\{\{([^*]*)\*(\d+)\}\}/gs, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  )
  const all = alone === true ? text : text + SMUGGLED
  return Buffer.from(all.replaceAll('ORIGIN', `127.0.0.1:${port}`), 'latin1')
}

/** As many answers as are expected; behind a refusal, all until the connection ends. */
async function readAnswers(client: RawClient, { request, answers, alone }: RequestCase): Promise<number[]> {
  const [method = 'GET'] = request.trimStart().split(' ', 1)
  const isRefused = (answers[0] ?? 0) >= 400 // a head that cannot be parsed is answered with a page, HEAD or not
  const statuses: number[] = []
  const mustEnd = alone === true || (answers.at(-1) ?? 0) >= 400
  while (mustEnd || statuses.length < answers.length) {
    if (mustEnd) await client.ended()
    if (client.isEnded && client.pending().length === 0) break
    const isFirst = statuses.every(status => status < 200)
    statuses.push((await client.response(isFirst && !isRefused ? method : 'GET')).status)
  }
  return statuses
}

export function readRequests(corpus: string): readonly RequestCase[] {
  const lines = readFileSync(`test/fixtures/requests/${corpus}.jsonl`, 'utf8').trim().split('\n')
  return lines.map(line => JSON.parse(line) as RequestCase)
}

/** The row of a corpus in docs/conformance.md. */
function tableRow(corpus: string, cases: readonly RequestCase[]): string {
  const counts = (['refuse', 'pass', 'either'] as const).flatMap(expect => {
    const of = cases.filter(one => one.expect === expect)
    const passed = of.filter(isPassed).length
    return [of.length - passed, passed]
  })
  return `| \`${corpus}\` | ${cases.length} | ${counts.join(' | ')} |`
}
