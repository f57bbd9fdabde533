import { byCount, type Counts, type Observed, type Seen } from './observed.js'

interface Row {
  readonly host: string
  readonly port: number
  readonly seen: Seen
}

/** Most frequent first. */
function rowsOf({ hosts }: Observed): readonly Row[] {
  return Object.entries(hosts)
    .map(([key, seen]): Row => {
      const at = key.lastIndexOf(':')
      return { host: key.slice(0, at), port: Number(key.slice(at + 1)), seen }
    })
    .sort((a, b) => b.seen.count - a.seen.count || (a.host < b.host ? -1 : 1))
}

const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
const names = (counts: Counts): string[] => byCount(Object.entries(counts)).map(([name]) => name)
/** A JSON string is a YAML string, whatever is in it. */
const quoted = (texts: readonly string[]): string => `[${texts.map(text => JSON.stringify(text)).join(', ')}]`
const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

const summary = ({ count, clients, first, last, failures }: Seen): string => {
  const bad = total(failures)
  const failed = bad === 0 ? '' : `, ${bad} failed the built-in check (${names(failures).join(', ')})`
  return `${count} handshakes, ${Object.keys(clients).length} clients, ${day(first)} to ${day(last)}${failed}`
}

const heading = ({ since, others }: Observed, what: string): string =>
  `# ${what}: learned from ${new Date(since).toISOString()} to ${new Date().toISOString()}.\n` +
  (others === 0 ? '' : `# ${others} handshakes with further hosts had no room.\n`)

/** Rules for policy.js: each host with the issuers and kinds of keys that it has shown, and nothing else. */
export function toPolicy(observed: Observed): string {
  const rules = rowsOf(observed).map(({ host, port, seen }) => {
    if (Object.keys(seen.issuers).length === 0) return `  # ${host}:${port}: ${summary(seen)}\n`
    return [
      `  # ${summary(seen)}`,
      `  - name: ${JSON.stringify(`${host}:${port}`)}`,
      '    action: require',
      `    host: ${JSON.stringify(host)}`,
      `    port: ${port}`,
      `    issuer: ${quoted(names(seen.issuers))}`,
      `    key: ${quoted(names(seen.keys))}`,
      '',
    ].join('\n')
  })
  const rest = '  # What was not asked for.\n  - name: everything else\n    action: block\n'
  return `${heading(observed, 'policy.yaml, for the plugin policy')}rules:\n${rules.join('')}${rest}`
}

/** Rules for sni.yaml: each host with the keys that it has shown. The ports of a host have one rule. */
export function toSni(observed: Observed): string {
  const hosts = new Map<string, Row[]>()
  for (const row of rowsOf(observed)) hosts.set(row.host, [...(hosts.get(row.host) ?? []), row])
  const rules = [...hosts].map(([host, rows]) => {
    const keys = [...new Set(rows.flatMap(({ seen }) => names(seen.spkis)))]
    const lines = rows.map(({ port, seen }) => `  # port ${port}: ${summary(seen)}\n`).join('')
    const rule = `  - fqdn: ${JSON.stringify(host)}\n    verify_server_policy: ENFORCED\n    verify_server_spki: ${quoted(keys)}\n`
    return keys.length === 0 ? lines : lines + rule
  })
  const body = rules.length === 0 ? 'sni: []\n' : `sni:\n${rules.join('')}`
  return `${heading(observed, 'sni.yaml')}# Most origins change their keys with each certificate: keep pins only for those that do not.\n${body}`
}

/** For people: a line for each host. */
export function toReport(observed: Observed): readonly string[] {
  const rows = rowsOf(observed)
  const { since, others } = observed
  return [
    `${rows.length} hosts since ${new Date(since).toISOString()}${others === 0 ? '' : `, and ${others} handshakes with hosts for which there was no room`}`,
    ...rows.map(({ host, port, seen }) => {
      const issuers = names(seen.issuers).join(' | ') || 'no good certificate'
      return `${host}:${port}  ${summary(seen)}; ${Object.keys(seen.spkis).length} keys; ${issuers}`
    }),
  ]
}
