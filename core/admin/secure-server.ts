import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:https'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { every } from '../base/timer.js'
import type { Handler } from './app.js'

/** The certificate of the management port, with its chain, and its key: files in PEM. */
export interface CertificateFiles {
  readonly cert: string
  /** Undefined: the key is in the same file. */
  readonly key: string | undefined
}

/** Milliseconds between two looks at the files. */
const PERIOD = 5000
/** Milliseconds that a TLS handshake of an operator may take. */
const HANDSHAKE_TIMEOUT = 10_000

/**
 * A server of the management port over TLS 1.2 and 1.3. New connections get the certificate that is in the files: they are looked at
 * every five seconds. Files that cannot be used change nothing.
 * @throws {ProxyError} PTC_ADMIN_PORT with the file
 */
export function secureServer(
  files: CertificateFiles,
  serve: Handler,
  onError: (message: string) => void,
): Server {
  const first = readContext(files)
  const server = inOrder(files, () =>
    createServer({ ...first.context, handshakeTimeout: HANDSHAKE_TIMEOUT }, serve),
  )
  let { digest } = first
  const look = (): void => {
    try {
      const next = readContext(files)
      if (next.digest === digest) return
      digest = next.digest
      inOrder(files, () => server.setSecureContext(next.context))
    } catch (cause) {
      onError(`${ProxyError.textOf(cause)}; the certificate stays as it is`)
    }
  }
  const timer = every(PERIOD, look, why => onError(describe(why))).unref()
  server.on('close', () => clearInterval(timer))
  return server
}

function readContext(files: CertificateFiles) {
  const [cert, key] = inOrder(files, () =>
    [files.cert, files.key ?? files.cert].map(path => readFileSync(path, 'utf8')),
  )
  const digest = createHash('sha256')
    .update(JSON.stringify([cert, key]))
    .digest('hex')
  return { context: { cert, key, minVersion: 'TLSv1.2' } as const, digest }
}

function inOrder<T>({ cert, key = cert }: CertificateFiles, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const which = `proxy.config.admin.tls_cert ${cert}, tls_key ${key}`
    throw new ProxyError('PTC_ADMIN_PORT', `${which}: ${describe(cause)}`, { cause })
  }
}
