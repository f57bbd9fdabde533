/** ssl_bump: which mode CONNECT has here, what is left out of it, and which names Squid ended. */

import { resolve } from 'node:path'
import type { RuleText } from '../../config/rules.js'
import type { Findings } from '../findings.js'
import { checkFile, type Source } from '../source.js'
import type { AccessRules } from './access.js'
import type { Acl, Acls } from './acls.js'
import type { Directive } from './conf.js'
import type { BumpFiles } from './ports.js'

const MODE = 'proxy.config.http.connect.verify'

/** A rule of sni.yaml for each name of an ACL: Squid's `.example.net` means the name and all below it. */
export function namesOf(acl: Acl): readonly string[] {
  return acl.values.flatMap(value =>
    value.startsWith('.') ? [value.slice(1), `*${value}`] : [value.replace(/^\*\./, '*.')],
  )
}

export class Bumping {
  readonly #source: Source
  readonly #acls: Acls
  readonly #spliced: { readonly acl: Acl; readonly where: string }[] = []
  /** Lists that lines before a `terminate all` let pass. */
  readonly #passed = new Set<string>()
  readonly #ended: {
    readonly names: readonly string[]
    readonly isNegated: boolean
    readonly where: string
  }[] = []
  #isBumped = false
  #isThere = false

  constructor(source: Source, acls: Acls) {
    this.#source = source
    this.#acls = acls
  }

  add({ args, where }: Directive): void {
    const { findings } = this.#source
    const [word = '', ...names] = args
    this.#isThere = true
    const acls: Acl[] = []
    for (const name of names) {
      const acl = this.#acls.get(name.replace(/^!/, ''))
      if (acl === undefined) findings.add('wrong', where, `there is no acl ${name}`)
      else if (acl.kind !== 'step' && acl.kind !== 'all') acls.push(acl)
    }
    const say = findings.at(where, `ssl_bump ${args.join(' ')}`)
    const other = acls.find(acl => acl.kind !== 'hosts' || !acl.isKnown)
    if (word === 'terminate') this.#terminate(acls, other, where, say)
    else if (/^(?:bump|server-first|client-first|allow)$/.test(word)) {
      this.#isBumped = true
      for (const acl of acls) this.#passed.add(acl.name)
      if (acls.length > 0) say('changed', 'everything is bumped, not only these')
    } else if (/^(?:splice|none|deny)$/.test(word)) {
      for (const acl of acls) this.#passed.add(acl.name)
      for (const acl of acls.filter(acl => acl !== other)) this.#spliced.push({ acl, where })
      if (other !== undefined && other.kind !== 'hosts')
        say('lost', `no rule can say ${other.name} (${other.type}); these are bumped too`)
    } else if (/^(?:peek|stare)$/.test(word)) {
      for (const acl of acls) this.#passed.add(acl.name)
      say('changed', 'the ClientHello is always read')
    } else say('wrong', `${word} is no action`)
  }

  #terminate(
    acls: readonly Acl[],
    other: Acl | undefined,
    where: string,
    say: ReturnType<Findings['at']>,
  ): void {
    if (other !== undefined && acls.length > 0)
      return say('undecided', `no rule can say ${other.name} (${other.type})`)
    const names = acls.length > 0 ? acls.map(acl => acl.name) : [...this.#passed]
    this.#ended.push({ names, isNegated: acls.length === 0, where })
    const unknown = [...this.#passed].map(name => this.#acls.get(name)).find(acl => acl?.isKnown === false)
    if (acls.length === 0 && unknown !== undefined) say('undecided', `not all of ${unknown.name} is known`)
    else say('changed', 'a rule of access.yaml, which is about the name in the ClientHello too')
  }

  /** @param files of the first port with ssl-bump; without one Squid ignores ssl_bump */
  finish(files: BumpFiles | undefined, access: AccessRules): void {
    const { facts, findings, dir } = this.#source
    if (files === undefined && this.#isThere)
      findings.add(
        'mind',
        'squid.conf',
        'no port has ssl-bump, so Squid ignored ssl_bump; CONNECT is probed here',
      )
    for (const { names, isNegated } of files === undefined ? [] : this.#ended) {
      if (names.every(name => this.#acls.get(name)?.isKnown === true)) access.onlyTunnelsTo(names, isNegated)
    }
    if (files === undefined || !this.#isBumped) {
      findings.add(
        'changed',
        'squid.conf',
        `${MODE} probe: the origin behind a CONNECT is verified before the tunnel opens, where Squid relayed it`,
      )
      return
    }
    facts.set(MODE, 'bump')
    const { certificate, key, where } = files
    if (certificate === undefined || key === undefined)
      return findings.add('wrong', where, 'ssl-bump has no cert=; `portcullis ca init` makes an authority')
    facts.set('proxy.config.ssl.bump.CA.cert.filename', resolve(dir, certificate))
    facts.set('proxy.config.ssl.bump.CA.private_key.filename', resolve(dir, key))
    findings.add('changed', where, `ssl-bump: ${MODE} bump, with the authority ${certificate}`)
    for (const path of new Set([certificate, key])) checkFile(this.#source, where, 'ssl-bump: the file', path)
    for (const { acl, where } of this.#spliced) {
      findings.add('changed', where, `${acl.name} is not bumped: connect_verify probe in sni.yaml`)
      for (const fqdn of namesOf(acl))
        facts.origins.push({ fqdn, connect_verify: 'probe' } satisfies RuleText)
    }
  }
}
