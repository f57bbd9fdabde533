/** http_access, as rules of the plugin access_rules: the same order, the same lists, the same last rule. */
import { stringify } from 'yaml'
import { PLUGINS } from '../our-plugins.js'
import type { Source } from '../source.js'
import { isEverybody, isPrivateRange } from '../trafficserver/addresses.js'
import type { Acl, Acls } from './acls.js'
import type { Directive } from './conf.js'

type Action = 'allow' | 'deny'
type RuleRow = { readonly [A in Action]?: readonly string[] }

const LISTS: ReadonlySet<string> = new Set(['clients', 'hosts', 'methods', 'ports'])
const PRIVATE_ORIGINS = 'proxy.config.http.deny_private_origins'
const PER_CLIENT = 'proxy.config.net.per_client.max_connections_in'

/** What becomes of one condition of a line. */
type Term =
  | { readonly is: 'true' | 'never' }
  | { readonly is: 'list'; readonly acl: Acl; readonly isNegated: boolean }
  | { readonly is: 'lost'; readonly why: string; readonly origins?: Acl }

export class AccessRules {
  readonly #source: Source
  readonly #acls: Acls
  readonly #rules: RuleRow[] = []
  readonly #lists = new Map<string, Acl>()
  #last: { readonly action: Action; readonly isSaid: boolean } | undefined
  /** Whether a rule asks for a login. */
  wantsLogin = false

  constructor(source: Source, acls: Acls) {
    this.#source = source
    this.#acls = acls
  }

  /** Names that tunnels may be for; Squid ended TLS with any other name. */
  onlyTunnelsTo(names: readonly string[], isNegated: boolean): void {
    const acls = names.map(name => this.#acls.get(name)).filter(acl => acl !== undefined)
    const connect = this.#acls.get('CONNECT')
    if (connect === undefined) return
    const terms = acls.map(acl => ({ acl, isNegated }))
    this.#rules.unshift({
      deny: [{ acl: connect, isNegated: false }, ...terms].map(term => this.#refer(term)),
    })
  }

  add({ args, where }: Directive): void {
    const [word = '', ...names] = args
    const { findings } = this.#source
    if (word !== 'allow' && word !== 'deny')
      return void findings.add('wrong', where, `${word} is neither allow nor deny`)
    const terms = names.map(name => this.#term(name, where))
    const said = `http_access ${args.join(' ')}`
    const lost = terms.filter(term => term.is === 'lost')
    const isNever = terms.some(term => term.is === 'never')
    this.#last = { action: word, isSaid: lost.length === 0 }
    if (isNever) return
    if (lost.length > 0) return this.#loseLine(word, terms, said, where)
    const lists = terms.flatMap(term => (term.is === 'list' ? [this.#refer(term)] : []))
    this.#rules.push({ [word]: lists })
    findings.add('kept', where, said)
    this.#warn(word, terms, said, where)
  }

  /** A line with a condition that no list says. What it would have denied may have a record. */
  #loseLine(action: Action, terms: readonly Term[], said: string, where: string): void {
    const { facts, findings } = this.#source
    const lost = terms.filter(term => term.is === 'lost')
    const [only] = lost
    const origins = only?.origins
    if (
      action === 'deny' &&
      terms.length === 1 &&
      origins?.kind === 'origins' &&
      origins.values.every(isPrivateRange)
    ) {
      facts.set(PRIVATE_ORIGINS, 1)
      findings.add('changed', where, `${said}: ${PRIVATE_ORIGINS} 1, for all private addresses`)
    } else if (action === 'deny' && terms.length === 1 && origins?.kind === 'connections') {
      facts.set(PER_CLIENT, Number(origins.values[0]))
      findings.add('changed', where, `${said}: ${PER_CLIENT} ${origins.values[0]}`)
    } else {
      const why = lost.map(term => term.why).join(', ')
      const isLess =
        action === 'allow' &&
        lost.every(term => term.origins?.kind === 'fetching' || term.origins?.kind === 'origins')
      findings.add(
        isLess ? 'lost' : 'undecided',
        where,
        `${said}: ${why}${isLess ? '; what it allowed is not' : ''}`,
      )
    }
  }

  #term(name: string, where: string): Term {
    const isNegated = name.startsWith('!')
    const acl = this.#acls.get(name.replace(/^!/, ''))
    if (acl === undefined) {
      this.#source.findings.add('wrong', where, `there is no acl ${name.replace(/^!/, '')}`)
      return { is: 'lost', why: `there is no acl ${name.replace(/^!/, '')}` }
    }
    if (acl.kind === 'all') return { is: isNegated ? 'never' : 'true' }
    // There is no cache manager here, so no request is for it.
    if (acl.kind === 'manager') return { is: isNegated ? 'true' : 'never' }
    if (acl.kind === 'login' && acl.values.every(value => value === 'REQUIRED')) {
      this.wantsLogin = true // of every client, before any rule
      return { is: isNegated ? 'never' : 'true' }
    }
    if (!LISTS.has(acl.kind))
      return { is: 'lost', why: `no rule can say ${acl.name} (${acl.type})`, origins: acl }
    if (!acl.isKnown) return { is: 'lost', why: `not all of ${acl.name} is known` }
    return { is: 'list', acl, isNegated }
  }

  #refer({ acl, isNegated }: { readonly acl: Acl; readonly isNegated: boolean }): string {
    this.#lists.set(acl.name, acl)
    return isNegated ? `!${acl.name}` : acl.name
  }

  #warn(action: Action, terms: readonly Term[], said: string, where: string): void {
    const { findings } = this.#source
    if (action === 'deny') return
    const lists = terms.filter(term => term.is === 'list')
    if (terms.length > 0 && lists.length === 0 && !this.wantsLogin)
      findings.add('mind', where, `${said}: everybody may use this proxy`)
    for (const { acl, isNegated } of lists) {
      if (acl.kind === 'ports' && isNegated)
        findings.add('mind', where, `${said}: every port but ${acl.values.join(', ')}`)
      if (acl.kind === 'clients' && acl.values.some(isEverybody))
        findings.add('mind', where, `${said}: everybody may use this proxy`)
    }
  }

  /** Writes access.yaml, and lets ip_allow.yaml leave the decision to it. */
  finish(): void {
    const { facts, findings } = this.#source
    const last = this.#last
    const isClosed = Object.values(this.#rules.at(-1) ?? {})[0]?.length === 0
    if (last !== undefined && isClosed) {
      // A line for all requests ends the rules.
    } else if (last === undefined) {
      findings.add('mind', 'squid.conf', 'there is no http_access: no client is allowed, as in Squid')
      this.#rules.push({ deny: [] })
    } else if (last.action === 'allow' || !last.isSaid) this.#rules.push({ deny: [] })
    else {
      findings.add(
        'mind',
        'squid.conf',
        'the last http_access denies: what no rule matches is allowed, as in Squid',
      )
      this.#rules.push({ allow: [] })
    }
    const lists = Object.fromEntries(
      [...this.#lists].map(([name, { kind, values }]) => [name, { [kind]: values }]),
    )
    facts.files.set('access.yaml', stringify({ lists, rules: this.#rules }))
    facts.plugins.push(PLUGINS.access)
    facts.clients.push({ addresses: ['0.0.0.0/0', '::/0'], action: 'allow', methods: undefined })
    facts.set('proxy.config.http.connect_ports', '*')
    findings.add(
      'changed',
      'squid.conf',
      `${this.#rules.length} rules become access.yaml; the plugin access_rules decides by them`,
    )
  }
}
