/** The files that a proxy of a fleet needs beside its configuration. */
import { readFileSync } from 'node:fs'
import { ProxyError } from './errors.js'
import { certificatesInPem, toPem } from './pem.js'
import { StoreKeys } from './store-keys.js'
import { describe } from './thrown.js'

/**
 * @param caFile authorities of the certificate of Redis; undefined: those that Node has
 * @throws {ProxyError} PTC_CLUSTER_KEYS without keys to seal with, PTC_CLUSTER_CA for authorities that cannot be used
 */
export function readFleetFiles({
  url,
  caFile,
  keyFile,
}: {
  readonly url: string
  readonly caFile?: string | undefined
  readonly keyFile: string
}): { readonly keys: StoreKeys; readonly ca: readonly string[] | undefined } {
  return { keys: readKeys(keyFile), ca: caFile === undefined ? undefined : readAuthorities(caFile, url) }
}

/** @throws {ProxyError} PTC_CLUSTER_CA */
function readAuthorities(path: string, url: string): readonly string[] {
  const failed = (why: string, cause?: unknown): ProxyError =>
    new ProxyError('PTC_CLUSTER_CA', `proxy.config.cluster.redis_ca_file ${path}: ${why}`, { cause })
  if (!url.startsWith('rediss:'))
    throw failed('proxy.config.cluster.redis_url begins with redis://, which is no TLS')
  try {
    const found = certificatesInPem(readFileSync(path, 'utf8')).map(der => toPem(der))
    if (found.length > 0) return found
  } catch (cause) {
    throw failed(describe(cause), cause)
  }
  throw failed('it has no certificate')
}

function readKeys(path: string): StoreKeys {
  try {
    return StoreKeys.fromKeys(readFileSync(path, 'utf8'), 'cluster')
  } catch (cause) {
    throw new ProxyError('PTC_CLUSTER_KEYS', `proxy.config.cluster.key_file ${path}: ${describe(cause)}`, {
      cause,
    })
  }
}
