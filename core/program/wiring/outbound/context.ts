import { resolve } from 'node:path'
import type { Rule } from '../../../config/rules.js'
import type { OutboundTlsSettings } from '../../../settings/origins.js'
import {
  configuredAnchors,
  defaultAnchors,
  readPemFile,
  readText,
  type TrustAnchors,
} from '../../../tls/judge/trust.js'
import type { OutboundContextOptions } from '../../../tls/openssl/outbound-context.js'

/** What a context is to be made of, and a line for the start-up log about what it trusts. */
export interface ContextPlan {
  readonly options: OutboundContextOptions
  readonly trusts: string
}

const VERSIONS = { TLSv1_2: 'TLSv1.2', TLSv1_3: 'TLSv1.3' } as const

/**
 * Reads the files that the settings name, or a rule for single origins instead.
 * @param files files of trust that other rules have read
 * @throws {ProxyError} PTC_TLS_CONTEXT that names the record, or the rule's place and key, and the file
 */
export function planOutboundContext(
  settings: OutboundTlsSettings,
  rule?: Rule,
  files = new TrustFiles(),
): ContextPlan {
  const { pems, from } = trustAnchors(settings, rule, files)
  const certificate = clientCertificate(settings, rule)
  const crls = revocationLists(settings, rule, files)
  const optional = {
    certificate,
    crls,
    ciphers: rule?.client_cipher_suite ?? settings.ciphers,
    cipherSuites: rule?.client_TLSv1_3_cipher_suites ?? settings.cipherSuites,
    groups: rule?.client_groups_list ?? settings.groups,
  }
  const { client_tls_version_min: oldest, client_tls_version_max: newest } = rule ?? {}
  const { hasTls12, hasTls13 } = settings
  const maxVersion = VERSIONS[newest ?? (hasTls13 || oldest === 'TLSv1_3' ? 'TLSv1_3' : 'TLSv1_2')]
  const minVersion = VERSIONS[oldest ?? (hasTls12 || newest === 'TLSv1_2' ? 'TLSv1_2' : 'TLSv1_3')]
  return {
    trusts: `${pems.length} trust anchors from ${from}`,
    options: {
      anchors: pems,
      isStrict: settings.isStrict,
      minVersion,
      maxVersion,
      hasSessions: settings.maxSessions !== undefined,
      alpn: rule?.client_alpn?.filter(name => name !== 'h2') ?? settings.alpn,
      ...dropUndefined(optional),
    },
  }
}

function trustAnchors(
  { anchors, folderOf }: OutboundTlsSettings,
  rule: Rule | undefined,
  files: TrustFiles,
): TrustAnchors {
  if (rule?.verify_server_ca !== undefined)
    return files.anchors(resolve(folderOf.ca, rule.verify_server_ca), `${rule.where}: verify_server_ca`)
  return anchors === undefined ? files.defaults() : files.anchors(anchors.path, anchors.by)
}

function clientCertificate(
  { certificate, key, keyBy, folderOf }: OutboundTlsSettings,
  rule: Rule | undefined,
): OutboundContextOptions['certificate'] {
  if (rule?.client_cert !== undefined) {
    const from = resolve(folderOf.certificate, rule.client_cert)
    const keyFrom = rule.client_key === undefined ? from : resolve(folderOf.key, rule.client_key)
    const chain = readPemFile(from, `${rule.where}: client_cert`)
    return { chain, key: readText(keyFrom, `${rule.where}: client_key`), from }
  }
  if (certificate === undefined) return undefined
  const { path: from, by } = certificate
  const chain = readPemFile(from, by)
  return { chain, key: readText(key?.path ?? from, keyBy), from }
}

function revocationLists(
  { folderOf }: OutboundTlsSettings,
  rule: Rule | undefined,
  files: TrustFiles,
): OutboundContextOptions['crls'] {
  if (rule?.verify_server_crl === undefined) return undefined
  const from = resolve(folderOf.ca, rule.verify_server_crl)
  return {
    pem: files.text(from, `${rule.where}: verify_server_crl`),
    from,
    isLeafOnly: rule.verify_server_crl_depth === 'LEAF',
  }
}

/** With exactOptionalPropertyTypes an absent key and one that is undefined are two things. */
function dropUndefined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/** Files and folders of trust. Each is read once for all rules that name it; one that cannot be read is an error each time. */
export class TrustFiles {
  readonly #anchors = new Map<string, TrustAnchors>()
  readonly #texts = new Map<string, string>()
  #defaults: TrustAnchors | undefined

  /** As {@link configuredAnchors}. */
  anchors(place: string, what: string): TrustAnchors {
    return remembered(this.#anchors, place, () => configuredAnchors(place, what))
  }

  defaults(): TrustAnchors {
    this.#defaults ??= defaultAnchors()
    return this.#defaults
  }

  /** As {@link readText}. */
  text(file: string, what: string): string {
    return remembered(this.#texts, file, () => readText(file, what))
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key)
  if (found !== undefined) return found
  const made = make()
  known.set(key, made)
  return made
}
