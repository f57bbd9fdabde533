/** Reads squid.conf, of Squid 2 to 7. */
import { ProxyError } from '../../base/errors.js'
import { parseHtpasswd } from '../../config/htpasswd.js'
import { counted } from '../findings.js'
import { type Source, textOf } from '../source.js'
import { AccessRules } from './access.js'
import { Acls } from './acls.js'
import { Bumping } from './bump.js'
import { type Directive, readConf } from './conf.js'
import { FATES, IGNORED } from './directives.js'
import { Logs } from './log.js'
import { Peers } from './peers.js'
import { Ports } from './ports.js'
import { OutgoingTls } from './tls.js'

const HTPASSWD = 'proxy.config.http.proxy_auth.htpasswd'

export function readSquid(source: Source): void {
  const { facts, findings } = source
  const directives = readConf(source, 'squid.conf')
  const acls = new Acls(source)
  const [access, ports, logs] = [new AccessRules(source, acls), new Ports(source), new Logs(source)]
  const [bumping, tls] = [new Bumping(source, acls), new OutgoingTls(source, acls)]
  const peers = new Peers(source)
  const logins: Directive[] = []
  let ignored = 0
  const readers: Readonly<Record<string, (directive: Directive) => void>> = {
    acl: directive => acls.define(directive),
    http_access: directive => access.add(directive),
    http_port: directive => ports.add(directive),
    https_port: directive => ports.add(directive),
    ssl_bump: directive => bumping.add(directive),
    logformat: directive => logs.define(directive),
    access_log: directive => logs.add(directive),
    auth_param: directive => logins.push(directive),
    cache_peer: directive => peers.add(directive),
    cache_peer_access: directive => peers.add(directive),
    cache_peer_domain: directive => peers.add(directive),
    never_direct: directive => peers.add(directive),
    always_direct: directive => peers.add(directive),
    visible_hostname: directive => migrateName(source, directive),
    dns_nameservers: directive => migrateNameservers(source, directive),
    via: directive => migrateVia(source, directive),
    request_header_access: directive => migrateField(source, directive),
    header_access: directive => migrateField(source, directive),
    forwarded_for: directive => migrateForwardedFor(source, directive),
  }
  // A format may stand behind the log that has it.
  for (const directive of directives.filter(({ name }) => name === 'logformat')) logs.define(directive)
  for (const directive of directives.filter(({ name }) => name !== 'logformat')) {
    const { name, args, where } = directive
    const read = Object.hasOwn(readers, name) ? readers[name] : undefined
    const fate = FATES.find(({ pattern, isMeant }) => pattern.test(name) && isMeant?.(args) !== false)
    if (read !== undefined) read(directive)
    else if (tls.add(directive)) continue
    else if (fate !== undefined)
      findings.add(fate.outcome, where, `${name}${subject(name, args)}: ${fate.why}`)
    else if (IGNORED.test(name)) {
      ignored += 1
      tooMany(source, directive)
    } else findings.add('wrong', where, `${name} is no directive of Squid that is known here`)
  }
  migrateLogin(source, logins, access.wantsLogin)
  ports.finish()
  bumping.finish(ports.bump, access)
  access.finish()
  peers.finish()
  tls.finish()
  facts.set('proxy.config.url_remap.remap_required', 0)
  if (ignored > 0)
    findings.add(
      'lost',
      'squid.conf',
      `${counted(ignored, 'line')} nothing here: cache, processes, error pages, and what else Portcullis has not`,
    )
}

/** What a finding may show of a line: names of fields, and no login. */
const subject = (name: string, args: readonly string[]): string =>
  /^(?:.*header_.*|external_acl_type)$/.test(name) ? ` ${args[0] ?? ''}` : ''

/** Squid passes over what stands behind the last argument. */
function tooMany({ findings }: Source, { name, args, where }: Directive): void {
  const most: Readonly<Record<string, number>> = {
    delay_pools: 1,
    delay_class: 2,
    cache_mem: 2,
    coredump_dir: 1,
  }
  const limit = most[name]
  if (limit !== undefined && args.length > limit)
    findings.add('mind', where, `${name}: Squid ignores ${args.slice(limit).join(' ')}`)
}

function migrateName({ facts, findings }: Source, { args: [name = ''], where }: Directive): void {
  const wrong = facts.set('proxy.config.proxy_name', name)
  if (wrong.length > 0) findings.add('lost', where, `visible_hostname ${name}: ${wrong[0]}`)
  else findings.add('changed', where, `visible_hostname is proxy.config.proxy_name ${name}`)
}

function migrateNameservers({ facts, findings }: Source, { args, where }: Directive): void {
  const wrong = facts.set('proxy.config.dns.nameservers', args.join(' '))
  if (wrong.length > 0) findings.add('wrong', where, `dns_nameservers: ${wrong[0]}`)
  else findings.add('kept', where, `dns_nameservers ${args.join(' ')}`)
}

function migrateVia({ facts, findings }: Source, { args: [word], where }: Directive): void {
  const value = word === 'off' ? 0 : 1
  facts.set('proxy.config.http.insert_request_via_str', value)
  facts.set('proxy.config.http.insert_response_via_str', value)
  findings.add('kept', where, `via ${word ?? ''}`)
}

const REMOVED = 'proxy.config.http.anonymize_other_header_list'

/** A field that no request may have is removed; one that some may have is not. */
function migrateField({ facts, findings }: Source, { name, args, where }: Directive): void {
  const [field = '', action, ...acls] = args
  const said = `${name} ${args.join(' ')}`
  if (action !== 'deny') return
  if (/^via$/i.test(field)) {
    facts.set('proxy.config.http.insert_request_via_str', 0)
    return void findings.add('changed', where, `${said}: proxy.config.http.insert_request_via_str 0`)
  }
  const before = facts.records.get(REMOVED)
  const isAll = acls.every(acl => acl.toLowerCase() === 'all')
  const wrong = isAll
    ? facts.set(REMOVED, before ? `${String(before)},${field}` : field)
    : ['not for all requests']
  if (wrong.length > 0) findings.add('lost', where, `${said}: ${field} is not removed: ${wrong[0]}`)
  else findings.add('changed', where, `${said}: ${REMOVED} has ${field}`)
}

function migrateForwardedFor({ facts, findings }: Source, { args: [word = ''], where }: Directive): void {
  facts.set('proxy.config.http.insert_squid_x_forwarded_for', word === 'on' ? 1 : 0)
  if (word !== 'truncate') findings.add('kept', where, `forwarded_for ${word}`)
  else findings.add('lost', where, 'forwarded_for truncate: the field of a client stays')
}

/** Basic logins of a file may be kept; whatever else asks for a login has no counterpart. */
function migrateLogin(source: Source, logins: readonly Directive[], isWanted: boolean): void {
  const { facts, findings } = source
  const programs = logins.filter(({ args: [, what] }) => what === 'program')
  const basic = programs.find(
    ({ args: [scheme, , program = ''] }) => scheme === 'basic' && program.endsWith('basic_ncsa_auth'),
  )
  for (const { args, where } of programs.filter(directive => directive !== basic))
    findings.add('undecided', where, `auth_param ${args[0]}: there is Basic login with a file only`)
  if (!isWanted) return
  if (basic === undefined) {
    if (programs.length === 0)
      findings.add('undecided', 'squid.conf', 'http_access asks for a login, and no auth_param says how')
    return void facts.set(HTPASSWD, 'htpasswd')
  }
  facts.set(HTPASSWD, 'htpasswd')
  const file = basic.args[3] ?? ''
  const text = textOf(source, file)
  findings.add('kept', basic.where, `auth_param basic: ${HTPASSWD} asks every client for a login`)
  if (text === undefined)
    return void findings.add(
      'wrong',
      basic.where,
      `the file ${file} does not exist; put its logins into htpasswd`,
    )
  facts.files.set('htpasswd', text)
  try {
    parseHtpasswd(text, 'htpasswd')
  } catch (error) {
    findings.add('undecided', basic.where, ProxyError.textOf(error))
  }
}
