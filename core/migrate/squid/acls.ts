/** The ACLs of squid.conf: what they are about, and whether lists of access.yaml can say it. */
import { type Source, textOf } from '../source.js'
import { addressText } from '../trafficserver/addresses.js'
import { type Directive, unquote } from './conf.js'

/** The kinds of lists of access.yaml, and what else decides in Squid. */
export type AclKind =
  | 'clients'
  | 'hosts'
  | 'methods'
  | 'ports'
  | 'all'
  | 'login'
  | 'origins'
  | 'manager'
  | 'connections'
  | 'step'
  | 'fetching'
  | 'other'

export interface Acl {
  /** As it was first written. */
  readonly name: string
  readonly kind: AclKind
  /** Squid's word for it. */
  readonly type: string
  readonly values: string[]
  /** Whether all of its values could be read. */
  isKnown: boolean
}

const KINDS: Readonly<Record<string, AclKind>> = {
  src: 'clients',
  dst: 'origins',
  dstdomain: 'hosts',
  'ssl::server_name': 'hosts',
  port: 'ports',
  method: 'methods',
  proxy_auth: 'login',
  maxconn: 'connections',
  at_step: 'step',
  transaction_initiator: 'fetching',
}

/** Types that Squid knows, and that no list of ours can say. */
const OTHERS =
  /^(?:arp|eui64|srcdomain|srcdom_regex|dstdom_regex|src_as|dst_as|peername|peername_regex|time|url_regex|urllogin|urlpath_regex|localport|localip|myport|myip|myportname|proto|browser|referer_regex|ident|ident_regex|proxy_auth_regex|snmp_community|max_user_ip|req_mime_type|req_header|rep_mime_type|rep_header|external|user_cert|ca_cert|ext_user|ext_user_regex|hier_code|note|random|annotate_transaction|annotate_client|any-of|all-of|has|connections_encrypted|http_status|adaptation_service|tag|ssl_error|server_cert_fingerprint|ssl::certHasExpired|ssl::server_name_regex|client_connection_mark|clientside_mark|rep_host)$/

/** ACLs that every squid.conf has. */
const BUILT_IN: readonly (readonly [string, AclKind, string, readonly string[]])[] = [
  ['all', 'all', 'src', []],
  ['localhost', 'clients', 'src', ['127.0.0.1', '::1']],
  ['manager', 'manager', 'url_regex', []],
  ['to_localhost', 'origins', 'dst', ['127.0.0.0/8', '0.0.0.0/32', '::1', '::']],
  ['to_linklocal', 'origins', 'dst', ['169.254.0.0/16', 'fe80::/10']],
  ['CONNECT', 'methods', 'method', ['CONNECT']],
]

export class Acls {
  readonly #byName = new Map<string, Acl>()
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
    for (const [name, kind, type, values] of BUILT_IN)
      this.#byName.set(name.toLowerCase(), { name, kind, type, values: [...values], isKnown: true })
  }

  /** Names of ACLs know no case. */
  get(name: string): Acl | undefined {
    return this.#byName.get(name.toLowerCase())
  }

  define({ args, where }: Directive): void {
    const [name = '', type = '', ...given] = args
    const { findings } = this.#source
    const kind = KINDS[type] ?? (OTHERS.test(type) ? 'other' : undefined)
    if (kind === undefined) findings.add('wrong', where, `acl ${name}: ${type} is no type of an ACL`)
    const isAll = name.toLowerCase() === 'all' || (name === 'manager' && type === 'proto')
    if (isAll) return
    const before = this.get(name)
    if (
      before !== undefined &&
      before.type !== type &&
      !BUILT_IN.some(([known]) => known.toLowerCase() === name.toLowerCase())
    )
      findings.add('wrong', where, `acl ${name} is of the type ${before.type}, and of ${type} here`)
    if (before !== undefined && before.name !== name)
      findings.add('mind', where, `${name} and ${before.name} are one ACL: names know no case in Squid`)
    const acl: Acl =
      before?.type === type
        ? before
        : { name, kind: kind ?? 'other', type, values: [], isKnown: kind !== undefined }
    this.#byName.set(name.toLowerCase(), acl)
    for (const value of this.#values(acl, given, where)) this.#add(acl, value, where)
    if (acl.kind === 'ports' && acl.values.some(value => /^[01]-65535$/.test(value)))
      findings.add('mind', where, `acl ${acl.name} has every port`)
  }

  #values(acl: Acl, given: readonly string[], where: string): readonly string[] {
    return given.flatMap(word => {
      if (/^-[in]$/.test(word) || /^--/.test(word)) return []
      if (!word.startsWith('"')) return [word]
      const file = unquote(word)
      const text = textOf(this.#source, file)
      if (text !== undefined)
        return text
          .split('\n')
          .map(line => line.trim())
          .filter(line => line !== '' && !line.startsWith('#'))
      this.#source.findings.add('wrong', where, `acl ${acl.name}: the file ${file} does not exist`)
      acl.isKnown = false
      return []
    })
  }

  #add(acl: Acl, value: string, where: string): void {
    const read = acl.kind === 'clients' || acl.kind === 'origins' ? networkText(value) : [value]
    if (read !== undefined) return void acl.values.push(...read.filter(text => !acl.values.includes(text)))
    this.#source.findings.add('wrong', where, `acl ${acl.name}: ${value} is no address`)
    acl.isKnown = false
  }
}

/** Squid writes networks with masks, and all addresses as `all`, `ipv4` or `ipv6`. */
function networkText(value: string): readonly string[] | undefined {
  if (value === 'all') return ['0.0.0.0/0', '::/0']
  if (value === 'ipv4') return ['0.0.0.0/0']
  if (value === 'ipv6') return ['::/0']
  const [, network = '', mask] = /^([\d.]+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(value) ?? []
  const text = mask === undefined ? value : `${network}/${bitsOf(mask)}`
  const read = addressText(text)
  return read === undefined ? undefined : [read]
}

function bitsOf(mask: string): number {
  const bits = mask
    .split('.')
    .map(part => Number(part).toString(2).padStart(8, '0'))
    .join('')
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : Number.NaN
}
