// What there is to decide, made of the lists of the API: one row for each question, with the handshakes that wait for its
// answer, and one for each other handshake that a plugin holds.

/** @param waiting the handshakes that wait for the answer to it */
function questionRow(question, waiting, at) {
  const [first] = waiting
  const elsewhere = question.elsewhere ?? []
  const ends = waiting.length > 0 ? waiting.map(one => one.deadline) : elsewhere.map(one => one.waitsUntil)
  // The plugin sends clients away before the deadline.
  if (question.waitsUntil !== undefined) ends.push(question.waitsUntil)
  return {
    ...question,
    clients: [...new Set([...question.clients, ...elsewhere.flatMap(one => one.clients)])],
    key: `question ${question.id}`,
    kind: 'question',
    plugin: first?.plugin ?? 'approval',
    address: first?.address,
    accepted: first?.accepted ?? [],
    handshake: first?.id,
    accepting: 'question',
    isReleased: waiting.length > 0 && waiting.every(one => one.connection === 'released'),
    // The first to end: later ones have more time.
    holdSince: first === undefined ? question.last : Math.min(...waiting.map(one => at - one.age)),
    deadline: ends.length === 0 ? undefined : Math.min(...ends),
  }
}

/** When handshakes began to be held, by their keys. Ages come with the delay of their answer, and rows shall not change places. */
let begun = new Map()

function handshakeRow(one, at) {
  const { subject = '', issuer, sha256 = '', notBefore, notAfter } = one.leaf ?? {}
  // A process that takes the place of another begins its numbers anew: the same number may be another handshake.
  const key = `handshake ${one.id} ${one.host} ${one.port} ${sha256}`
  const since = begun.get(key) ?? at - one.age
  return {
    ...one,
    key,
    kind: 'handshake',
    handshake: one.id,
    subject,
    issuer,
    sha256,
    notBefore,
    notAfter,
    clients: [one.client ?? 'the proxy itself'],
    isReleased: one.connection === 'released',
    since,
    holdSince: since,
  }
}

/** What plugins hold on the other hooks: only the plugin can answer there. */
const otherRow = one => ({
  ...one,
  key: `${one.hook} ${one.plugin} ${one.about} ${one.since}`,
  kind: 'other',
  accepted: [],
  clients: [],
  holdSince: one.since,
})

/**
 * The rows, oldest first.
 * @param at when the lists came, by the proxy's clock
 */
export function rowsOf({ parked, held, approvals, at }) {
  const waiting = new Map(approvals.map(question => [question.id, []]))
  const rest = []
  for (const one of parked) {
    const those = waiting.get(one.question) ?? rest
    those.push(one)
  }
  const rows = [
    ...approvals.map(question => questionRow(question, waiting.get(question.id), at)),
    ...rest.map(one => handshakeRow(one, at)),
    ...held.map(otherRow),
  ]
  begun = new Map(rows.map(({ key, since }) => [key, since]))
  return rows.sort((one, other) => one.since - other.since || (one.key < other.key ? -1 : 1))
}

/** Where the text that is searched for may stand. */
export const searchText = ({
  host = '',
  about = '',
  plugin,
  clients,
  issuer = '',
  subject = '',
  address = '',
}) => [host, about, plugin, ...clients, issuer, subject, address].join(' ').toLowerCase()

/** What of a row may change while it stands. */
export const changing = ({
  plugin,
  clients,
  waiting,
  elsewhere,
  asked,
  deadline,
  isReleased,
  address,
  accepted,
  accepting,
}) =>
  JSON.stringify([
    ...[plugin, clients, waiting, elsewhere, asked, deadline, isReleased, address, accepted, accepting],
  ])
