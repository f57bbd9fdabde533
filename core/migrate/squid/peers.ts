import { wrongParentLine } from '../facts.js'
import type { Source } from '../source.js'
import type { Directive } from './conf.js'

const PARENT = 'requests went to a parent proxy; here they go to the origin itself'
const DIRECT = 'write lines with dest_domain or dest_ip and go_direct=true before the others of parent.config'
const CA = 'proxy.config.http.parent_proxy.CA.cert.filename'

/** Options of a peer that mean nothing where nothing is cached, or that are the default here. */
const HARMLESS =
  /^(?:no-query|no-digest|no-netdb-exchange|no-delay|default|proxy-only|allow-miss|(?:weight|basetime|connect-fail-limit|connect-timeout|max-conn|standby|name|digest-url)=.*)$/

/** In which order peers are tried; where Squid looks at load or distance, they take turns here. */
const ORDERS: Readonly<Record<string, string>> = {
  'round-robin': 'strict',
  'weighted-round-robin': 'strict',
  sourcehash: 'true',
  userhash: 'true',
  carp: 'consistent_hash',
}
const TLS = /^(?:tls|ssl)$/
const ANCHORS = /^(?:tls|ssl)-?ca(?:file)?=(.*)$/

interface Peer {
  readonly url: string
  readonly order: string | undefined
  readonly anchors: string | undefined
}

/**
 * The parents of Squid. They become a line of parent.config if all of them serve all requests, without a login; otherwise the
 * operator decides about each directive.
 */
export class Peers {
  readonly #source: Source
  readonly #directives: Directive[] = []
  /** The lines of `always_direct`, which count only beside parents. */
  readonly #direct: Directive[] = []

  constructor(source: Source) {
    this.#source = source
  }

  add(directive: Directive): void {
    if (directive.name === 'always_direct') this.#direct.push(directive)
    else this.#directives.push(directive)
  }

  finish(): void {
    const { facts, findings } = this.#source
    const named = this.#directives.filter(({ name }) => name === 'cache_peer')
    const peers = named.map(peerOf)
    const usable = peers.filter(peer => peer !== undefined)
    const orders = new Set(usable.map(({ order }) => order))
    const anchors = new Set(usable.map(({ anchors }) => anchors))
    const rest = this.#directives.filter(({ name }) => name !== 'cache_peer')
    const isWhole =
      usable.length === peers.length && peers.length > 0 && orders.size === 1 && anchors.size === 1
    if (!isWhole || !rest.every(isForAll)) return this.#leave()
    const isNever = rest.some(({ name }) => name === 'never_direct')
    const [order] = orders
    const [anchor] = anchors
    const list = usable.map(({ url }) => url).join(';')
    const how = order === undefined ? '' : ` round_robin=${order}`
    const line = `dest_domain=. parent="${list}"${how} go_direct=${!isNever}`
    if (wrongParentLine(line) !== undefined) return this.#leave()
    facts.files.set('parent.config', `${line}\n`)
    if (anchor !== undefined) facts.set(CA, anchor)
    if (facts.records.get('proxy.config.http.deny_private_origins') === 1) {
      facts.set('proxy.config.http.no_dns_just_forward_to_parent', 0)
      findings.add(
        'mind',
        named[0]?.where ?? '',
        'private addresses are denied, so names are resolved here; requests without TLS that would go to a parent by name are refused',
      )
    }
    for (const { name, args, where } of this.#directives) {
      const what = name === 'never_direct' ? 'go_direct=false' : 'a parent'
      findings.add('changed', where, `${name} ${args[0] ?? ''}: ${what} in parent.config`)
    }
    for (const { args, where } of this.#direct)
      findings.add('undecided', where, `always_direct ${args[0] ?? ''}: ${DIRECT}`)
  }

  #leave(): void {
    for (const { name, args, where } of this.#directives) {
      const said = name === 'never_direct' ? name : `${name} ${args[0] ?? ''}`
      if (said !== 'never_direct' || args[0] === 'allow')
        this.#source.findings.add('undecided', where, `${said}: ${PARENT}`)
    }
  }
}

/** A directive that allows a peer, or forbids direct connections, for all requests. */
const isForAll = ({ name, args }: Directive): boolean =>
  name === 'never_direct'
    ? args[0] === 'allow' && args.slice(1).every(isAll)
    : name === 'cache_peer_access' && args[1] === 'allow' && args.slice(2).every(isAll)

const isAll = (acl: string): boolean => acl.toLowerCase() === 'all'

/** Undefined for a peer that has no counterpart here. */
function peerOf({ args: [host = '', type, port = '', , ...options] }: Directive): Peer | undefined {
  const isTls = options.some(option => TLS.test(option))
  const order = options.flatMap(option => (Object.hasOwn(ORDERS, option) ? [ORDERS[option]] : []))[0]
  const anchors = options.map(option => ANCHORS.exec(option)?.[1]).find(Boolean)
  const weight = options.map(option => /^weight=(\d+)$/.exec(option)?.[1]).find(Boolean)
  const isKnown = options.every(
    option => Object.hasOwn(ORDERS, option) || [HARMLESS, TLS, ANCHORS].some(known => known.test(option)),
  )
  const isName = /^[a-z0-9._:[\]-]+$/i.test(host) && /^\d+$/.test(port)
  if (type !== 'parent' || !isKnown || !isName) return undefined
  const address = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const share = order === 'consistent_hash' && weight !== undefined ? `|${weight}` : ''
  return { url: `${isTls ? 'https://' : ''}${address}:${port}${share}`, order, anchors }
}
