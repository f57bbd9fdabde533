/**
 * koffi from the package that carries its binary for this platform. The package `koffi` finds the same file, and adds
 * aliases of older versions; but its installation runs a script: npm 11 warns of it, and npm 12 blocks it.
 */
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import type koffiTypes from 'koffi'
import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'

const BINARY = `@koromix/koffi-${platform()}-${arch()}`
/** Installed by hand where there is no binary: it is built from source there. */
const SOURCE = 'koffi'

/**
 * The first of these packages that can be loaded.
 * @throws {ProxyError} PTC_OPENSSL_MISSING, with the reason for each
 */
export function findKoffi(names: readonly string[] = [BINARY, SOURCE]): typeof koffiTypes {
  const require = createRequire(import.meta.url)
  const failures: string[] = []
  for (const name of names) {
    try {
      return require(name)
    } catch (cause) {
      failures.push(describe(cause).split('\n')[0] ?? '')
    }
  }
  throw new ProxyError(
    'PTC_OPENSSL_MISSING',
    `koffi, which calls OpenSSL, cannot be loaded: ${failures.join('; ')}. Install again with optional dependencies; where there is no ${BINARY}, run \`npm install ${SOURCE}\` in the same folder`,
  )
}

export const koffi = findKoffi()
