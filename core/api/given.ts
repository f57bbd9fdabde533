import { types } from 'node:util'
import { ProxyError } from '../base/errors.js'
import type { CertificatePems } from './client-hooks.js'

/** Characters of a chain, or of a key. */
const MAX_PEM = 1_048_576

/**
 * What a plugin gives to `use`, read once: one in plain JavaScript may pass anything, also what throws, or changes later.
 * @throws {ProxyError} PTC_PLUGIN_CALL
 */
export function readCertificate(given: unknown): string | CertificatePems {
  if (isPem(given)) return given
  const { cert, key } = fieldsOf(given)
  if (isPem(cert) && isPem(key)) return { cert, key }
  throw new ProxyError('PTC_PLUGIN_CALL', 'use takes a name, or { cert, key } in PEM')
}

export const isPem = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_PEM

function fieldsOf(given: unknown): { readonly cert?: unknown; readonly key?: unknown } {
  try {
    if (typeof given !== 'object' || given === null) return {}
    const { cert, key } = given as { readonly cert?: unknown; readonly key?: unknown }
    return { cert, key }
  } catch {
    return {}
  }
}

/** A session holds the certificates of its client. */
const MAX_SESSION = 1_048_576

/** Whether what a plugin provides can be a session; it may be anything, also what throws when it is asked what it is. */
export const isSessionBytes = (given: unknown): given is Uint8Array =>
  types.isUint8Array(given) && given.byteLength <= MAX_SESSION
