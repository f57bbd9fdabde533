/** What contexts have in common, towards clients and towards origins. */
import { contextError } from './errors.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'

export const SSL_VERIFY_PEER = 1
export const SSL_CTRL_MODE = 33
export const SSL_CTRL_SET_SESS_CACHE_MODE = 44
const SSL_CTRL_SET_GROUPS_LIST = 92
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124
export const NO_TICKET = 2 ** 14
const SECURITY_LEVEL = 2

const VERSIONS = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 } as const
export type TlsVersion = keyof typeof VERSIONS

export interface ProtocolOptions {
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** OpenSSL cipher list for TLS 1.2. */
  readonly ciphers?: string | undefined
  /** Cipher suites for TLS 1.3. */
  readonly cipherSuites?: string | undefined
  readonly groups?: string | undefined
}

/** @throws {ProxyError} PTC_TLS_CONTEXT unless OpenSSL returned 1 */
export function must(returned: number, what: string): void {
  if (returned !== 1) throw contextError(what)
}

/** @throws {ProxyError} PTC_TLS_CONTEXT that names the setting that OpenSSL does not accept */
export function setProtocol(ctx: Handle, options: ProtocolOptions): void {
  const { minVersion, maxVersion, ciphers, cipherSuites, groups } = options
  ssl.SSL_CTX_set_security_level(ctx, SECURITY_LEVEL)
  must(ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, VERSIONS[minVersion], NULL), minVersion)
  must(ssl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, VERSIONS[maxVersion], NULL), maxVersion)
  if (ciphers !== undefined) must(ssl.SSL_CTX_set_cipher_list(ctx, ciphers), `cipher list "${ciphers}"`)
  // Set again: the cipher list may contain @SECLEVEL=0, which would allow suites without a certificate.
  ssl.SSL_CTX_set_security_level(ctx, SECURITY_LEVEL)
  if (cipherSuites !== undefined)
    must(ssl.SSL_CTX_set_ciphersuites(ctx, cipherSuites), `suites "${cipherSuites}"`)
  if (groups !== undefined)
    must(ssl.SSL_CTX_ctrl_text(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, groups), groupsText(groups))
}

function groupsText(groups: string): string {
  const hint = groups.includes('*') ? ' (the * before a group needs OpenSSL 3.5, which Node 24 carries)' : ''
  return `groups list "${groups}"${hint}`
}
