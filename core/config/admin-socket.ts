import { ProxyError } from '../base/errors.js'
import type { NamedFile } from './record-place.js'

/** Bytes of a socket's path that Linux accepts: sun_path of sockaddr_un has 108, the last one a NUL. */
const LONGEST_SOCKET_PATH = 107

/**
 * The path of the management socket.
 * @throws {ProxyError} PTC_ADMIN_SOCKET for a path that no socket can have
 */
export function checkSocketPath({ path, by }: NamedFile): string {
  const bytes = Buffer.byteLength(path)
  if (bytes <= LONGEST_SOCKET_PATH) return path
  const text = `${by}: the path of the management socket has ${bytes} bytes, of ${LONGEST_SOCKET_PATH} that a socket's may have: ${path}`
  throw new ProxyError('PTC_ADMIN_SOCKET', text)
}
