/** Rows of the history as people see them: a person's answer and the handshakes that it decided are one row. */
import type { HistoryFilter, HistoryRow } from '../admin/held-api.js'

export type Facts = Omit<
  HistoryRow,
  'id' | 'client' | 'clients' | 'times' | 'since' | 'last' | 'held' | 'command'
>

/** Clients that are named in one row. */
export const MAX_CLIENTS = 10

/**
 * Rows that say the same are one, whichever process they come from.
 * @param rows `times` of an answer is 0: it counts no handshake
 * @returns the latest first
 */
export function shownRows(
  rows: readonly HistoryRow[],
  { search = '', result }: HistoryFilter,
): readonly HistoryRow[] {
  const groups = new Map<string, HistoryRow>()
  for (const row of rows) {
    const key = groupOf(row)
    const other = groups.get(key)
    groups.set(key, other === undefined ? row : joined(other, row))
  }
  const words = search.toLowerCase()
  return [...groups.values()]
    .map(row => ({ ...row, times: Math.max(1, row.times), question: publicId(row.question) }))
    .filter(row => (result === undefined || row.result === result) && textOf(row).includes(words))
    .sort((a, b) => b.last - a.last || b.id - a.id)
}

/** What is the same in all verdicts of a row. */
export const keyOf = (facts: Facts): string => {
  const { result, by, plugin, host, port, leaf, name, who, question, resumed } = facts
  return JSON.stringify([result, by, plugin, host, port, leaf?.sha256, name, who, question, resumed])
}

/** An answer, and the handshakes that it decided, have its question. */
function groupOf(row: HistoryRow): string {
  const { result, host, port, leaf, question, resumed } = row
  return question === null || resumed
    ? keyOf(row)
    : JSON.stringify([result, host, port, leaf?.sha256, question])
}

/** The reason is that of a handshake, the person that of the answer. */
function joined(one: HistoryRow, other: HistoryRow): HistoryRow {
  const [earlier, later] = one.last <= other.last ? [one, other] : [other, one]
  const answer = [later, earlier].find(({ who }) => who !== null)
  const verdict = [later, earlier].find(({ times }) => times > 0) ?? later
  const names = [...new Set([...earlier.clients, ...later.clients])]
  return {
    ...verdict,
    ...(answer && { by: answer.by, plugin: answer.plugin, who: answer.who, why: answer.why }),
    id: Math.max(one.id, other.id),
    client: later.client ?? earlier.client,
    clients: names.slice(-MAX_CLIENTS),
    times: one.times + other.times,
    since: Math.min(one.since, other.since),
    last: later.last,
  }
}

/** The answer of an operator about one handshake has no question; what stands in its place has a blank. */
const publicId = (question: string | null): string | null =>
  question?.includes(' ') === true ? null : question

/** What a search looks at. */
const textOf = (row: HistoryRow): string =>
  [
    ...[row.host, `${row.host}:${row.port}`, row.plugin, row.by, row.reason, row.name, row.detail],
    ...[row.who, row.why, row.question, row.builtIn, row.leaf?.subject, row.leaf?.sha256, ...row.clients],
  ]
    .join('\n')
    .toLowerCase()
