/** How `ctl` reaches a proxy that has no management socket: by its management port, with the token of its file. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:http'
import { connect, type TLSSocket } from 'node:tls'
import { ProxyError } from '../base/errors.js'
import { certificatesInPem } from '../base/pem.js'
import { ROLES } from '../base/roles.js'
import { describe } from '../base/thrown.js'
import type { Settings } from '../settings/settings.js'

/** Milliseconds for the TLS handshake. */
const HANDSHAKE_TIMEOUT = 10_000

type PortSettings = Pick<Settings['admin'], 'tokenFile' | 'tls'>

/**
 * What a request to the port consists of. Over TLS the connection is made, and its certificate compared with the first one of
 * `tls_cert`, before the token is sent.
 * @param listen `address:port`
 * @throws {ProxyError} PTC_ADMIN_UNREACHABLE
 */
export async function portRequest(
  listen: string,
  { tokenFile, tls }: PortSettings,
  signal: AbortSignal,
): Promise<RequestOptions> {
  const [, host = '', port = ''] = /^\[?([^\]]+)\]?:(\d+)$/.exec(listen) ?? []
  const headers = { host: listen, authorization: `Bearer ${readToken(tokenFile)}` }
  if (tls === undefined) return { host, port, headers, agent: false }
  const socket = await pinned(host, Number(port), tls.cert, signal)
  // Node asks an agent, if there is one, in the place of this function: it would connect anew, in plain text.
  return { host, port, headers, createConnection: () => socket }
}

async function pinned(host: string, port: number, file: string, signal: AbortSignal): Promise<TLSSocket> {
  const [expected] = certificatesInPem(read('tls_cert', file))
  if (expected === undefined) throw unreachable(`proxy.config.admin.tls_cert ${file} has no certificate`)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)])
  // The certificate is compared byte by byte below: no authority vouches for it.
  const socket = connect({ host, port, minVersion: 'TLSv1.2', rejectUnauthorized: false })
  try {
    await once(socket, 'secureConnect', { signal: limit })
    const shown = socket.getPeerX509Certificate()?.raw
    if (shown?.equals(expected) === true) return socket
  } catch (cause) {
    socket.destroy()
    throw cause
  }
  socket.destroy()
  throw unreachable(`what listens at ${host}:${port} shows another certificate than ${file}`)
}

/** The first one, whatever its role. */
function readToken(file: string): string {
  const [first = ''] = read('token_file', file).trim().split('\n', 1)
  const line = first.trim()
  const role = ROLES.find(word => line.startsWith(`${word}:`))
  return role === undefined ? line : line.slice(role.length + 1)
}

function read(record: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw unreachable(`proxy.config.admin.${record} ${file}: ${describe(cause)}`, cause)
  }
}

const unreachable = (why: string, cause?: unknown): ProxyError =>
  new ProxyError('PTC_ADMIN_UNREACHABLE', why, { cause })
