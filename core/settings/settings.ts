/**
 * What an operator has configured, in the units that the program uses: milliseconds, bytes, booleans, absolute paths.
 * Records are read here, once for each generation. Everything else in the program is handed settings, never records.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { Mistakes } from '../base/mistakes.js'
import { checkSocketPath } from '../config/admin-socket.js'
import { loadTemplates, type TemplateFile } from '../config/body-factory.js'
import { type GroupFile, loadGroupFile } from '../config/group-file.js'
import { type HostFile, loadHostFile } from '../config/host-file.js'
import { type Htpasswd, loadHtpasswd } from '../config/htpasswd.js'
import { type IpAllow, loadIpAllow } from '../config/ip-allow.js'
import type { ParentLine } from '../config/parent-config.js'
import { loadParents } from '../config/parents.js'
import { loadPluginConfig, type PluginLine, parsePluginConfig } from '../config/plugin-config.js'
import { keepFixed, loadRecords, parseRecords, readRecords } from '../config/records.js'
import { type RecordName, type Records, rowOf } from '../config/records-table.js'
import { loadRules, type Rule } from '../config/rules.js'
import { loadTokenKeys, type TokenKey } from '../config/token-keys.js'
import { checkUndecided } from '../config/undecided.js'
import { checkCertificateLogins, checkLogins } from './check-logins.js'
import { accessSettings, connectSettings, listenerSettings, transactionSettings } from './http.js'
import { inboundTlsSettings } from './inbound-tls.js'
import { type OptionalFiles, optionalFiles, unreadIn } from './optional-files.js'
import {
  nameSettings,
  originSettings,
  outboundTlsSettings,
  parentSettings,
  verificationSettings,
} from './origins.js'
import {
  accessLogSettings,
  adminSettings,
  diagsSettings,
  fleetSettings,
  pluginSettings,
  processCount,
  stopGrace,
} from './program.js'
import { type RecordInfo, recordInfos } from './record-report.js'

/** What the records say. Frozen. */
export type Settings = ReturnType<typeof settingsOf>

/** Where a configuration is read. */
export interface ConfigPlace {
  /** Absolute. */
  readonly confDir: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Lists what is only counted otherwise. */
  readonly isVerbose?: boolean
}

/** The settings, and what stands in the files beside the records. */
export interface Configuration {
  readonly settings: Settings
  /** Records that have changed and need a restart, with the place where they were set. */
  readonly waiting: readonly string[]
  /** What is there and is not read. */
  readonly unread: readonly string[]
  /** What is not there and is usually there. */
  readonly missing: readonly string[]
  readonly pluginLines: readonly PluginLine[]
  readonly hosts: HostFile
  readonly rules: readonly Rule[]
  /** Which requests go through parent proxies; the first line that matches decides. */
  readonly parentLines: readonly ParentLine[]
  readonly ipAllow: IpAllow
  /** Undefined where clients need no password. */
  readonly users: Htpasswd | undefined
  /** Groups of users; undefined without a file of them. */
  readonly groups: GroupFile | undefined
  /** What signs the tokens of clients; undefined where none are taken. */
  readonly tokenKeys: readonly TokenKey[] | undefined
  /** Error pages; undefined where the built-in ones are shown. */
  readonly templates: readonly TemplateFile[] | undefined
}

/** Records by name, as a test gives them. */
export type GivenRecords = Partial<Records>

/** The records that settings were made of: a reload keeps those that need a restart. */
const sources = new WeakMap<Settings, Records>()
/** The files beside them: a reload may miss none that was there. */
const present = new WeakMap<Settings, OptionalFiles>()

function settingsOf(records: Records, confDir: string) {
  return Object.freeze({
    listener: listenerSettings(records),
    transaction: transactionSettings(records),
    connect: connectSettings(records),
    access: accessSettings(records, confDir),
    origin: originSettings(records),
    names: nameSettings(records, confDir),
    parents: parentSettings(records, confDir),
    verification: verificationSettings(records, confDir),
    outboundTls: outboundTlsSettings(records, confDir),
    inboundTls: inboundTlsSettings(records, confDir),
    plugins: pluginSettings(records),
    diags: diagsSettings(records),
    accessLog: accessLogSettings(records),
    admin: adminSettings(records, confDir),
    processes: processCount(records),
    stopGrace: stopGrace(records),
    fleet: fleetSettings(records, confDir),
  })
}

function keep(records: Records, confDir: string): Settings {
  const settings = freezeAll(settingsOf(records, confDir))
  sources.set(settings, records)
  return settings
}

/** Freezes what is inside as well, such as the parts of a log format. */
function freezeAll<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freezeAll)
  return value
}

/**
 * Reads records.config and the environment.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE or PTC_RECORDS_INVALID
 */
export const readSettings = ({ confDir, env }: ConfigPlace): Settings =>
  keep(loadRecords(confDir, env), confDir)

/** @throws {ProxyError} PTC_CONFIG_MISSING where a folder has none of the files that each configuration has */
function checkThere(confDir: string): void {
  const files = ['records.config', 'records.yaml', 'plugin.config'].map(name => join(confDir, name))
  if (files.some(file => existsSync(file))) return
  throw new ProxyError(
    'PTC_CONFIG_MISSING',
    `there is no configuration in ${confDir}: no ${files.join(', no ')}`,
  )
}

/**
 * Reads all configuration files.
 * @param inForce the settings of a running proxy: records that need a restart keep these values
 * @throws {ProxyError} with every mistake of every file
 */
export function readConfiguration(place: ConfigPlace, inForce?: Settings): Configuration {
  const { confDir, env } = place
  checkThere(confDir)
  const mistakes = new Mistakes()
  mistakes.read(() => checkUndecided(confDir))
  const { records: read, error } = readRecords(confDir, env)
  if (error !== undefined) mistakes.add(error)
  const fixed = inForce && sources.get(inForce)
  const { records, waiting } = fixed === undefined ? { records: read, waiting: [] } : keepFixed(read, fixed)
  const settings = keep(records, confDir)
  const { socket, isDefault } = settings.admin
  // The default in a deep folder is no reason not to start: there is no management socket then.
  if (socket !== undefined && !isDefault) mistakes.read(() => checkSocketPath(socket))
  mistakes.read(() => checkCertificateLogins(settings.access, settings.listener))
  const optional = mistakes.read(() => optionalFiles(confDir, settings, inForce && present.get(inForce)))
  if (optional !== undefined) present.set(settings, optional)
  const { ipAllow, htpasswd, groups, tokens, templates } = settings.access
  const files = mistakes.readAll({
    missing: () => optional?.missing ?? [],
    unread: () => Object.freeze(unreadIn(place, read, settings)),
    pluginLines: () => loadPluginConfig(confDir, records),
    hosts: () => loadHostFile(settings.names.hostFile),
    rules: () => loadRules(settings.verification.rules),
    parentLines: () => loadParents(settings.parents, env),
    ipAllow: () => loadIpAllow(ipAllow),
    users: () => htpasswd && loadHtpasswd(htpasswd),
    groups: () => groups && loadGroupFile(groups),
    tokenKeys: () => tokens && loadTokenKeys(tokens.keys),
    templates: () => templates && loadTemplates(templates),
  })
  checkLogins(files.ipAllow, settings.access)
  return Object.freeze({ settings, waiting: Object.freeze(waiting), ...files })
}

/** The records behind settings that were read. */
export function recordsBehind(settings: Settings): readonly RecordInfo[] {
  const records = sources.get(settings)
  return records === undefined ? [] : recordInfos(records)
}

/**
 * The settings of records that are given by name, and the plugins of lines of plugin.config.
 * @param folder where relative paths begin
 * @throws {ProxyError} PTC_RECORDS_INVALID, PTC_PLUGIN_CONFIG_INVALID
 */
export function configurationOf(
  given: GivenRecords,
  lines: string,
  folder: string,
): Pick<Configuration, 'settings' | 'pluginLines'> {
  const text = Object.entries(given).map(
    ([name, value]) => `CONFIG ${name} ${rowOf(name as RecordName)?.type ?? 'STRING'} ${value ?? 'NULL'}`,
  )
  const records = parseRecords(text.join('\n'), 'records')
  return { settings: keep(records, folder), pluginLines: parsePluginConfig(lines, 'plugin.config', records) }
}
