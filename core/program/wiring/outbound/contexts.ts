import { createHash } from 'node:crypto'
import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs'
import { ProxyError } from '../../../base/errors.js'
import { describe } from '../../../base/thrown.js'
import type { Rule } from '../../../config/rules.js'
import type { OutboundTlsSettings } from '../../../settings/origins.js'
import { OutboundContext, type OutboundContextOptions } from '../../../tls/openssl/outbound-context.js'
import { TrustStores } from '../../../tls/openssl/trust-store.js'
import { SessionCache } from '../../../tls/outbound/session-cache.js'
import type { SessionSharing } from '../../../tls/outbound/shared-sessions.js'
import { planOutboundContext, TrustFiles } from './context.js'

/** A context, and the digest of everything it was made of: contents of files, not their names. */
export interface DigestedContext {
  readonly context: OutboundContext
  readonly digest: string
}

/**
 * The contexts of one generation: one for each different set of options, whichever rules ask for it.
 *
 * Life: filling -> freed. Handshakes that run keep what they need of a freed context.
 */
export class OutboundContexts {
  readonly #settings: OutboundTlsSettings
  readonly #keyLog: KeyLogFile | undefined
  readonly #files = new TrustFiles()
  readonly #stores = new TrustStores()
  readonly #made = new Map<string, DigestedContext>()
  /** For the start-up line: what origins without a rule of their own are checked against. */
  readonly trusts: string
  /** Sessions with origins, where they are kept. They end with the contexts they were made in. */
  readonly sessions: SessionCache | undefined
  /** For origins without a rule. */
  readonly general: DigestedContext

  /**
   * @param sharing sessions with the other processes of a fleet
   * @throws {ProxyError} PTC_TLS_CONTEXT that names record and file
   */
  constructor(settings: OutboundTlsSettings, sharing?: SessionSharing) {
    this.#settings = settings
    const plan = planOutboundContext(settings, undefined, this.#files)
    const { keyLog, maxSessions, suspects } = settings
    this.#keyLog = keyLog && new KeyLogFile(keyLog.path, keyLog.by)
    this.trusts = plan.trusts
    try {
      this.general = this.#make(plan.options)
    } catch (cause) {
      this.free()
      throw named(suspects, cause)
    }
    this.sessions = maxSessions === undefined ? undefined : new SessionCache(maxSessions, sharing)
  }

  /** @throws {ProxyError} PTC_TLS_CONTEXT, PTC_CRL_UNUSABLE that name the rule and the file */
  for(rule: Rule): DigestedContext {
    if (!SHAPING.some(key => rule[key] !== undefined)) return this.general
    const { options } = planOutboundContext(this.#settings, rule, this.#files)
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

/** An error of OpenSSL says no more than the value: the records that may be at fault are put before it. */
function named(suspects: readonly string[], cause: unknown): unknown {
  if (!(cause instanceof ProxyError) || suspects.length === 0) return cause
  return new ProxyError(cause.code, `${suspects.join(', or ')}: ${ProxyError.textOf(cause)}`, { cause })
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

const OWNER_ONLY = 0o600

/** A file for the secrets of sessions, for its owner alone: a user that can read it can read the traffic. */
export class KeyLogFile {
  #fd: number | undefined

  /** @throws {ProxyError} PTC_CONFIG_UNREADABLE when it cannot be opened for its owner alone */
  constructor(file: string, record: string) {
    try {
      this.#fd = openSync(file, 'a', OWNER_ONLY)
      fchmodSync(this.#fd, OWNER_ONLY)
    } catch (cause) {
      this.close()
      const text = `${record}: cannot open ${file}: ${describe(cause)}`
      throw new ProxyError('PTC_CONFIG_UNREADABLE', text, { cause })
    }
  }

  readonly write = (line: string): void => {
    if (this.#fd !== undefined) writeSync(this.#fd, `${line}\n`)
  }

  /** Safe to call twice. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
