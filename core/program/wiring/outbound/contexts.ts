import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { ProxyError } from '../../../base/errors.js'
import { placed } from '../../../config/record-place.js'
import { RECORDS, type Records } from '../../../config/records-table.js'
import type { Rule } from '../../../config/rules.js'
import { OutboundContext, type OutboundContextOptions } from '../../../tls/openssl/outbound-context.js'
import { TrustStores } from '../../../tls/openssl/trust-store.js'
import { SessionCache } from '../../../tls/outbound/session-cache.js'
import { KeyLogFile } from '../../key-log.js'
import { TrustFiles } from '../trust-files.js'
import { planOutboundContext } from './context.js'

const KEY_LOG = 'proxy.config.ssl.keylog_file'

/** A context, and the digest of everything it was made of: contents of files, not their names. */
export interface DigestedContext {
  readonly context: OutboundContext
  readonly digest: string
}

/**
 * The contexts of one setup: one for each different set of options, whichever rules ask for it.
 *
 * Life: filling -> freed. Handshakes that run keep what they need of a freed context.
 */
export class OutboundContexts {
  readonly #records: Records
  readonly #confDir: string
  readonly #keyLog: KeyLogFile | undefined
  readonly #files = new TrustFiles()
  readonly #stores = new TrustStores()
  readonly #made = new Map<string, DigestedContext>()
  /** For the start-up line: what origins without a rule of their own are checked against. */
  readonly trusts: string
  /** Sessions with origins, where the records ask for them. They end with the contexts they were made in. */
  readonly sessions: SessionCache | undefined
  /** For origins without a rule. */
  readonly general: DigestedContext

  /** @throws {ProxyError} PTC_TLS_CONTEXT that names record and file */
  constructor(records: Records, confDir: string) {
    this.#records = records
    this.#confDir = confDir
    const plan = planOutboundContext(records, confDir, undefined, this.#files)
    const file = records[KEY_LOG]
    this.#keyLog =
      file === null ? undefined : new KeyLogFile(resolve(confDir, file), placed(records, KEY_LOG))
    this.trusts = plan.trusts
    try {
      this.general = this.#make(plan.options)
    } catch (cause) {
      this.free()
      throw named(records, cause)
    }
    this.sessions = plan.options.hasSessions
      ? new SessionCache(records['proxy.config.ssl.origin_session_cache.size'])
      : undefined
  }

  /** @throws {ProxyError} PTC_TLS_CONTEXT, PTC_CRL_UNUSABLE that name the rule and the file */
  for(rule: Rule): DigestedContext {
    if (!SHAPING.some(key => rule[key] !== undefined)) return this.general
    const { options } = planOutboundContext(this.#records, this.#confDir, rule, this.#files)
    try {
      return this.#make(options)
    } catch (cause) {
      if (!(cause instanceof ProxyError)) throw cause
      throw new ProxyError(cause.code, `${rule.where}: ${ProxyError.textOf(cause)}`, { cause })
    }
  }

  #make(options: OutboundContextOptions): DigestedContext {
    const { anchors: _, crls: __, ...rest } = options
    const shaping = JSON.stringify([this.#stores.digestOf(options), rest])
    const digest = createHash('sha256').update(shaping).digest('base64url')
    const known = this.#made.get(digest)
    if (known !== undefined) return known
    const keyLog = this.#keyLog && { keyLog: this.#keyLog.write }
    const made = { context: new OutboundContext({ ...options, ...keyLog }, this.#stores), digest }
    this.#made.set(digest, made)
    return made
  }

  /** Safe to call twice. */
  free(): void {
    this.sessions?.close()
    this.#keyLog?.close()
    for (const { context } of this.#made.values()) context.free()
    this.#stores.free()
  }
}

/** What OpenSSL refuses may be in any of these; it says no more than the value. */
const LISTS = [
  'proxy.config.ssl.client.cipher_suite',
  'proxy.config.ssl.client.TLSv1_3.cipher_suites',
  'proxy.config.ssl.client.groups_list',
  'proxy.config.ssl.client.cert.filename',
  'proxy.config.ssl.client.CA.cert.filename',
  'proxy.config.ssl.client.CA.cert.path',
] as const

function named(records: Records, cause: unknown): unknown {
  const set = LISTS.filter(name => records[name] !== RECORDS[name].default)
  if (!(cause instanceof ProxyError) || set.length === 0) return cause
  const where = set.map(name => placed(records, name)).join(', or ')
  return new ProxyError(cause.code, `${where}: ${ProxyError.textOf(cause)}`, { cause })
}

/** The keys of a rule that a context is made of. */
const SHAPING = [
  'verify_server_ca',
  'verify_server_crl',
  'client_cert',
  'client_tls_version_min',
  'client_tls_version_max',
  'client_cipher_suite',
  'client_TLSv1_3_cipher_suites',
  'client_groups_list',
  'client_alpn',
] as const satisfies readonly (keyof Rule)[]
