import { readServerPorts } from '../../config/ports.js'
import type { Source } from '../source.js'

const KEPT = /^(?:\d+|ssl|ipv4|ipv6|ip-in.*)$/i
/** What Traffic Server listens on where the records do not say. */
export const DEFAULT_PORTS = '8080 8080:ipv6'

/** What becomes of a keyword that has no meaning here; `drop` leaves the whole port out. */
const OTHERS: readonly (readonly [RegExp, 'lost' | 'undecided', 'keep' | 'drop', string])[] = [
  [/^quic$/i, 'lost', 'drop', 'QUIC is not spoken'],
  [/^proto[=-].*/i, 'lost', 'keep', 'ports speak HTTP/1.1, to clients of HTTP/2 as well'],
  [/^(?:compress|mptcp|allow-plain|ip-resolve.*)$/i, 'lost', 'keep', 'it has no meaning here'],
  [
    /^tr-(?:in|out|full|pass)$/i,
    'undecided',
    'drop',
    'redirected connections are not taken: clients must be told of the proxy',
  ],
  [
    /^ip-out.*/i,
    'undecided',
    'keep',
    'the system chooses the address of connections to origins, and a firewall may trust this one',
  ],
  [/^pp$/i, 'undecided', 'drop', 'the PROXY header is not read: all clients would have one address'],
  [
    /^blind$/i,
    'undecided',
    'drop',
    'a blind port is a tunnel without a target, which a forward proxy has not',
  ],
]

/** Reads proxy.config.http.server_ports of Traffic Server. */
export function migratePorts({ facts, findings }: Source, where: string, value: string): void {
  const ports: string[] = []
  for (const descriptor of value.split(/[\s,]+/).filter(part => part !== '')) {
    const keywords: string[] = []
    let isDropped = false
    for (const keyword of descriptor.split(/:(?![^[\]]*\])/)) {
      if (KEPT.test(keyword)) keywords.push(keyword.toLowerCase())
      else {
        const known = OTHERS.find(([pattern]) => pattern.test(keyword))
        if (known === undefined) {
          findings.add('wrong', where, `port ${descriptor}: ${keyword} is no keyword`)
          isDropped = true
          continue
        }
        const [, outcome, fate, why] = known
        findings.add(outcome, where, `port ${descriptor}: ${keyword}: ${why}`)
        if (fate === 'drop') isDropped = true
      }
    }
    const port = keywords.join(':')
    if (isDropped) continue
    const { wrong } = readServerPorts([...ports, port].join(' '))
    if (wrong.length === 0) ports.push(port)
    else if (ports.includes(port))
      findings.add('changed', where, `port ${port} is listed twice; once is enough`)
    else findings.add('wrong', where, `port ${wrong.join('; ')}`)
  }
  if (ports.length === 0) return
  facts.set('proxy.config.http.server_ports', ports.join(' '))
  const said = ports.join(' ')
  if (said === value.trim()) findings.add('kept', where, `proxy.config.http.server_ports ${said}`)
  else findings.add('changed', where, `proxy.config.http.server_ports ${value.trim()} becomes ${said}`)
}
