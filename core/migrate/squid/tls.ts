/** TLS towards origins: the sslproxy_… lines of 3, tls_outgoing_options since 4, sslcrtvalidator_program. */
import { basename, dirname, isAbsolute, resolve } from 'node:path'
import type { RecordName } from '../../config/records-table.js'
import { PLUGINS } from '../our-plugins.js'
import { checkFile, type Source } from '../source.js'
import type { Acls } from './acls.js'
import { namesOf } from './bump.js'
import { type Directive, unquote } from './conf.js'

const CLIENT = 'proxy.config.ssl.client'
const VERIFY = `${CLIENT}.verify.server` as const
const EXCUSED = `errors of all certificates were excused. They are enforced here; ${VERIFY}.policy PERMISSIVE excuses them again`

export class OutgoingTls {
  readonly #source: Source
  readonly #acls: Acls
  #validator: { readonly where: string; readonly words: readonly string[] } | undefined
  #children: readonly string[] = []
  #certErrors: string | undefined

  constructor(source: Source, acls: Acls) {
    this.#source = source
    this.#acls = acls
  }

  /** @returns whether the line is about this */
  add({ name, args, where }: Directive): boolean {
    const add = this.#source.findings.at(where, name)
    if (name === 'tls_outgoing_options') for (const word of args) this.#option(word, where)
    else if (name === 'sslproxy_cert_error') this.#certError(args, where)
    else if (name === 'sslcrtvalidator_program') this.#validator = { where, words: args }
    else if (name === 'sslcrtvalidator_children') this.#children = args
    else if (OLD[name] !== undefined)
      this.#option(`${OLD[name]}=${args.join(name === 'sslproxy_options' ? ',' : ' ')}`, where)
    else if (name === 'sslproxy_foreign_intermediate_certs')
      add('lost', 'origins must send their issuers themselves')
    else if (name === 'sslproxy_session_ttl' || name === 'sslproxy_session_cache_size')
      add('lost', 'proxy.config.ssl.origin_session_cache 1 resumes sessions')
    else return false
    return true
  }

  #option(word: string, where: string): void {
    const { findings } = this.#source
    const at = word.indexOf('=')
    const [key, value] = at === -1 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)]
    if (at === -1 && key !== 'disable')
      return void findings.add('wrong', where, `${key} is no option; write options=${key}`)
    if (key === 'cafile') this.#file(`${CLIENT}.CA.cert.path`, `${CLIENT}.CA.cert.filename`, value, where)
    else if (key === 'cert') this.#file(`${CLIENT}.cert.path`, `${CLIENT}.cert.filename`, value, where)
    else if (key === 'key')
      this.#file(`${CLIENT}.private_key.path`, `${CLIENT}.private_key.filename`, value, where)
    else if (key === 'capath') {
      this.#source.facts.set(`${CLIENT}.CA.cert.path`, resolve(this.#source.dir, value))
      findings.add('changed', where, `capath ${value}: ${CLIENT}.CA.cert.path`)
      checkFile(this.#source, where, 'capath', value)
    } else if (key === 'flags') this.#flags(value, where)
    else if (key === 'options') this.#versions(value, where)
    else if (key === 'min-version') this.#minimum(value, where)
    else if (key === 'cipher') {
      this.#source.facts.set(`${CLIENT}.cipher_suite`, value)
      findings.add('changed', where, `cipher ${value}: ${CLIENT}.cipher_suite`)
    } else if (key === 'crlfile')
      findings.add('undecided', where, 'crlfile: write verify_server_crl in sni.yaml')
    else findings.add('wrong', where, `${key} is no option of outgoing TLS`)
  }

  #file(folder: RecordName, name: RecordName, value: string, where: string): void {
    const { facts, findings, dir } = this.#source
    const path = isAbsolute(value) ? value : resolve(dir, value)
    facts.set(folder, dirname(path))
    facts.set(name, basename(path))
    findings.add('changed', where, `${value}: ${name}`)
    checkFile(this.#source, where, name, path)
  }

  #flags(value: string, where: string): void {
    const { facts, findings } = this.#source
    for (const flag of value.split(/[,: ]+/)) {
      const add = findings.at(where, flag)
      if (flag === 'DONT_VERIFY_PEER') {
        facts.set(VERIFY, 0)
        add('mind', 'certificates of origins are NOT verified, as before')
      } else if (flag === 'DONT_VERIFY_DOMAIN') {
        facts.set(`${VERIFY}.properties`, 'SIGNATURE')
        add('mind', 'names in certificates of origins are not compared, as before')
      } else if (/^VERIFY_CRL/.test(flag)) add('undecided', 'write verify_server_crl in sni.yaml')
      else findings.add('lost', where, `the flag ${flag}`)
    }
  }

  #versions(value: string, where: string): void {
    const { facts, findings } = this.#source
    for (const option of value.split(/[,: ]+/).filter(word => word !== '')) {
      const [, version = ''] = /^NO_(TLSv1_[23])$/.exec(option) ?? []
      if (version !== '') {
        facts.set(`${CLIENT}.${version as 'TLSv1_2' | 'TLSv1_3'}`, 0)
        findings.add('changed', where, `${option}: ${CLIENT}.${version} 0`)
      } else if (/^NO_(?:SSLv2|SSLv3|TLSv1|TLSv1_1)$/.test(option))
        findings.add('kept', where, `${option}: never spoken`)
      else if (/^SINGLE_|^NO_TICKET$|^CIPHER_SERVER/.test(option))
        findings.add('kept', where, `${option}: always so`)
      else findings.add('lost', where, `the option ${option} of OpenSSL`)
    }
  }

  #minimum(value: string, where: string): void {
    const { facts, findings } = this.#source
    if (value === '1.3') facts.set(`${CLIENT}.TLSv1_2`, 0)
    if (/^1\.[0123]$/.test(value))
      findings.add('kept', where, `min-version=${value}: 1.2 is the oldest that is spoken`)
    else findings.add('wrong', where, `min-version=${value} is no version`)
  }

  /** Errors that are excused for names; the first line that matches decides. */
  #certError([action = '', ...names]: readonly string[], where: string): void {
    const { facts, findings } = this.#source
    const add = findings.at(where, `sslproxy_cert_error ${[action, ...names].join(' ')}`)
    const acls = names.map(name => this.#acls.get(name))
    if (this.#certErrors !== undefined) return
    if (action === 'deny') {
      if (acls.every(acl => acl?.kind === 'all')) this.#certErrors = 'deny'
      add('kept', 'ENFORCED')
    } else if (acls.every(acl => acl?.kind === 'all')) {
      this.#certErrors = 'allow'
      add('mind', EXCUSED)
    } else {
      const [acl] = acls
      const hosts =
        acl?.kind === 'hosts'
          ? namesOf(acl)
          : (acl?.values ?? []).map(value => value.replace(/\/(?:32|128)$/, ''))
      const isGood =
        acls.length === 1 &&
        acl !== undefined &&
        (acl.kind === 'hosts' || acl.kind === 'origins') &&
        !hosts.some(host => host.includes('/'))
      if (!isGood) return add('lost', 'errors are enforced for these too')
      for (const fqdn of hosts) facts.origins.push({ fqdn, verify_server_policy: 'PERMISSIVE' })
      add('kept', `verify_server_policy PERMISSIVE for ${hosts.join(', ')} in sni.yaml`)
    }
  }

  finish(): void {
    const validator = this.#validator
    if (validator === undefined) return
    const { facts, findings } = this.#source
    const options = validator.words.filter(word => /^(?:ttl|cache)=/.test(word))
    const command = validator.words.filter(word => !options.includes(word)).map(unquote)
    const children = this.#children.filter(word => /^concurrency=\d+$/.test(word))
    const [count] = this.#children.filter(word => /^[1-9]\d*$/.test(word))
    const ttl = options.filter(word => /^ttl=(?:\d+|infinity)$/.test(word))
    if (count !== undefined) children.unshift(`children=${count}`)
    facts.plugins.push([PLUGINS.validator, `"cmd=${command.join(' ')}"`, ...children, ...ttl].join(' '))
    const add = findings.at(validator.where, 'sslcrtvalidator_program')
    add('changed', `the plugin cert_validator runs ${command[0] ?? ''}`)
    checkFile(this.#source, validator.where, 'the validator', command[0] ?? '')
  }
}

/** Names of Squid 3.5, as options of Squid 4. */
const OLD: Readonly<Record<string, string | undefined>> = {
  sslproxy_cafile: 'cafile',
  sslproxy_capath: 'capath',
  sslproxy_cipher: 'cipher',
  sslproxy_client_certificate: 'cert',
  sslproxy_client_key: 'key',
  sslproxy_flags: 'flags',
  sslproxy_options: 'options',
}
