/** Records of Traffic Server whose value has another meaning, or another place, here. */
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { isRecordName, type RecordName, rowOf } from '../../config/records-table.js'
import { checkFile, type Source } from '../source.js'
import { folderOf, type OldRecords } from './old-records.js'

interface Choosing {
  readonly source: Source
  readonly value: string
  readonly where: string
  readonly old: OldRecords
}

type Choice = (choosing: Choosing) => void

const VERIFY = 'proxy.config.ssl.client.verify.server'
const POLICY = 'proxy.config.ssl.client.verify.server.policy'
const NOT_VERIFIED = 'certificates of origins are NOT verified, as before'
const PERMISSIVE = 'a bad certificate of an origin is logged and accepted, as before'

const MEANING: Readonly<Record<string, string>> = { 0: 'DISABLED', 1: 'ENFORCED', 2: 'PERMISSIVE' }
const STRICT = ['DISABLED', 'PERMISSIVE', 'ENFORCED']

/** 8 and before: 0 off, 1 enforced, 2 permissive. */
const verifyServer: Choice = ({ source: { facts, findings }, value, where, old }) => {
  const policy = old.byName.get(POLICY)?.value
  const named = MEANING[value]
  if (named === undefined) findings.add('undecided', where, `${VERIFY} must be 0, 1 or 2, not ${value}`)
  else if (policy !== undefined && policy !== named)
    findings.add('undecided', where, `${VERIFY} ${value} means ${named}, and ${POLICY} says ${policy}`)
  else if (policy === undefined) applyPolicy({ facts, findings }, where, `${VERIFY} ${value}`, named)
}

function applyPolicy(
  { facts, findings }: Pick<Source, 'facts' | 'findings'>,
  where: string,
  said: string,
  policy: string,
): void {
  if (policy === 'DISABLED') {
    facts.set(VERIFY, 0)
    if (said === `${VERIFY} 0`) findings.add('kept', where, said)
    else findings.add('changed', where, `${said} becomes ${VERIFY} 0`)
    findings.add('mind', where, `${said}: ${NOT_VERIFIED}`)
  } else if (facts.set(POLICY, policy).length === 0) {
    if (said.endsWith(policy)) findings.add('kept', where, said)
    else findings.add('changed', where, `${said} becomes ${POLICY} ${policy}`)
    if (policy === 'PERMISSIVE') findings.add('mind', where, `${said}: ${PERMISSIVE}`)
  } else findings.add('undecided', where, `${said}: the policy must be ENFORCED, PERMISSIVE or DISABLED`)
}

const verifyPolicy: Choice = ({ source, value, where, old }) => {
  const other = MEANING[givenIn(old, VERIFY) ?? '']
  const policy = value.toUpperCase()
  // A contradiction has been named; until it is decided, the stricter of the two counts.
  const isStricter = other !== undefined && STRICT.indexOf(other) > STRICT.indexOf(policy)
  if (isStricter) source.facts.set(POLICY, other)
  else applyPolicy(source, where, `${POLICY} ${value}`, policy)
}

const remapRequired: Choice = ({ source: { facts, findings }, value, where }) => {
  facts.set('proxy.config.url_remap.remap_required', 0)
  if (value === '0') findings.add('kept', where, 'proxy.config.url_remap.remap_required 0')
  else findings.add('undecided', where, `remap_required ${value}: ${CLOSED}`)
}

export const CLOSED =
  'the rules of remap.config closed this proxy to everything else. Portcullis is a forward proxy and has none: clients that ip_allow.yaml allows may reach every origin'

/** A number above 1 says more, in Traffic Server. */
const atMostOne =
  (name: RecordName, what: string): Choice =>
  ({ source: { facts, findings }, value, where }) => {
    const short = Number(value) > 1 ? 1 : Number(value)
    const wrong = facts.set(name, short)
    if (wrong.length > 0) findings.add('lost', where, `${name}: ${wrong[0]}`)
    else if (String(short) === value) findings.add('kept', where, `${name} ${value}`)
    else findings.add('changed', where, `${name} ${value} becomes ${short}: ${what}`)
  }

/** A file that the record names is read under its default name from here on. */
const read =
  (what: string): Choice =>
  ({ source: { findings }, value, where }) =>
    findings.add('changed', where, `${value} is read; ${what} has its default name here`)

const dropped =
  (why: string): Choice =>
  ({ source: { findings }, value, where }) =>
    findings.add('lost', where, `${value}: ${why}`)

/** A folder of certificates: absolute from here on, because the new folder lies elsewhere. */
const folder =
  (name: RecordName): Choice =>
  ({ source, value, where, old }) => {
    const path = folderOf(source, old, name)
    if (/\.(?:pem|crt|key)$/.test(value))
      source.findings.add('wrong', where, `${name} is a folder, and ${value} a file`)
    const file = old.byName.get(name.replace(/\.path$/, '.filename'))?.value ?? 'NULL'
    const isWhole = WHOLE[name]?.(old) === true && file === 'NULL'
    if (value === 'NULL' || (WHOLE[name] !== undefined && file === 'NULL' && !isWhole)) return
    if (source.facts.set(name, path).length > 0) return
    source.findings.add(value === path ? 'kept' : 'changed', where, `${name} ${path}`)
    if (isWhole) checkFile(source, where, name, path)
  }

const givenIn = ({ byName }: OldRecords, name: string): string | undefined => byName.get(name)?.value

/** Folders all of whose files count where no file is named, and when they count. */
const WHOLE: Readonly<Record<string, (old: OldRecords) => boolean>> = {
  'proxy.config.ssl.CA.cert.path': old =>
    /^[12]$/.test(givenIn(old, 'proxy.config.ssl.client.certification_level') ?? '0'),
  'proxy.config.ssl.client.CA.cert.path': old =>
    givenIn(old, VERIFY) !== '0' && givenIn(old, POLICY) !== 'DISABLED',
}

/** A file in such a folder. Without a record of its own, the folder is that of the configuration. */
const file =
  (name: RecordName): Choice =>
  ({ source, value, where, old }) => {
    if (value === 'NULL' || value === '') return void source.findings.add('kept', where, `${name} NULL`)
    const place = name.replace(/\.filename$/, '.path') as RecordName
    const path = folderOf(source, old, place)
    if (source.facts.set(name, value.replace(/^\/+/, '')).length > 0)
      return void source.findings.add('undecided', where, `${name}: ${value} is no file name`)
    source.facts.set(place, path)
    source.findings.add('kept', where, `${name} ${value}`)
    checkFile(source, where, name, join(path, value))
  }

const path =
  (name: RecordName): Choice =>
  ({ source: { facts, findings, dir }, value, where }) => {
    const full = isAbsolute(value) ? value : join(dir, value)
    if (value === 'NULL' || value === rowOf(name).default) return
    if (!existsSync(full)) return void findings.add('lost', where, `${name}: ${full} does not exist`)
    if (facts.set(name, full).length === 0) findings.add('kept', where, `${name} ${full}`)
  }

const debugTags: Choice = ({ source: { facts, findings }, value, where }) => {
  if (facts.set('proxy.config.diags.debug.tags', value === 'NULL' ? null : value).length > 0)
    findings.add('lost', where, `the debug tags ${value} are no regular expression here`)
  else findings.add('kept', where, `proxy.config.diags.debug.tags ${value}`)
}

const logfilePerm: Choice = ({ source: { findings }, value, where }) => {
  if (/^[r-][w-][x-][r-][w-][x-][r-][w-][x-]$/.test(value))
    findings.add('lost', where, `log files are made as the umask says, not ${value}`)
  else findings.add('wrong', where, `proxy.config.log.logfile_perm must be as rw-r--r--, not ${value}`)
}

const logDir: Choice = ({ source: { facts, findings }, value, where }) => {
  if (!isAbsolute(value))
    return void findings.add(
      'changed',
      where,
      `logs go to the folder logs of the working directory, not ${value}`,
    )
  facts.set('proxy.config.log.logfile_dir', value)
  findings.add('kept', where, `proxy.config.log.logfile_dir ${value}`)
}

const named: readonly (readonly [string, Choice])[] = [
  [VERIFY, verifyServer],
  [POLICY, verifyPolicy],
  ['proxy.config.url_remap.remap_required', remapRequired],
  [
    'proxy.config.diags.debug.enabled',
    atMostOne('proxy.config.diags.debug.enabled', 'single clients are not told apart'),
  ],
  ['proxy.config.diags.debug.tags', debugTags],
  ['proxy.config.log.logfile_perm', logfilePerm],
  ['proxy.config.log.logfile_dir', logDir],
  ['proxy.config.cache.ip_allow.filename', read('ip_allow.yaml')],
  ['proxy.config.ssl.servername.filename', read('sni.yaml')],
  ['proxy.config.ssl.server.multicert.filename', read('ssl_multicert.config')],
  ['proxy.config.plugin.plugin_dir', dropped('plugins of Traffic Server are not loaded')],
  ['proxy.config.diags.logfile.filename', dropped('diagnostics go to stderr')],
  ['proxy.config.ssl.keylog_file', dropped('secrets of sessions are not written any more')],
  [
    'proxy.config.body_factory.enable_customizations',
    atMostOne(
      'proxy.config.body_factory.enable_customizations',
      'pages by language or host are not told apart',
    ),
  ],
  ...(['http.insert_request_via_str', 'http.insert_response_via_str'] as const).map(
    word => [`proxy.config.${word}`, atMostOne(`proxy.config.${word}`, 'Via has no detailed form')] as const,
  ),
  ...(['body_factory.template_sets_dir', 'hostdb.host_file.path', 'dns.resolv_conf'] as const).map(
    word => [`proxy.config.${word}`, path(`proxy.config.${word}`)] as const,
  ),
  ...[
    'ssl.CA.cert',
    'ssl.client.CA.cert',
    'ssl.client.cert',
    'ssl.client.private_key',
    'ssl.server.cert',
    'ssl.server.private_key',
  ].flatMap(word => {
    const [inFolder, inFile] = [`proxy.config.${word}.path`, `proxy.config.${word}.filename`]
    const choices: (readonly [string, Choice])[] = []
    if (isRecordName(inFolder)) choices.push([inFolder, folder(inFolder)])
    if (isRecordName(inFile)) choices.push([inFile, file(inFile)])
    return choices
  }),
]

export const CHOICES: Readonly<Record<string, Choice | undefined>> = Object.fromEntries(named)
