import { resolve } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { placed } from './record-place.js'
import { RECORDS, type Records } from './records-table.js'

const NAME = 'proxy.config.admin.socket'

/** What the kernel takes: sun_path of sockaddr_un has 108 bytes on Linux, the last one a NUL. */
export const LONGEST_SOCKET_PATH = 107

/**
 * Where the management socket is; undefined where there is none.
 * @throws {ProxyError} PTC_ADMIN_SOCKET for a path that no socket can have
 */
export function adminSocket(records: Records, confDir: string): string | undefined {
  const name = records[NAME]
  if (name === null) return undefined
  const path = resolve(confDir, name)
  const bytes = Buffer.byteLength(path)
  if (bytes <= LONGEST_SOCKET_PATH) return path
  const text = `${placed(records, NAME)}: the path of the management socket has ${bytes} bytes, of ${LONGEST_SOCKET_PATH} that a socket's may have: ${path}`
  throw new ProxyError('PTC_ADMIN_SOCKET', text)
}

/**
 * What is wrong with it is an error where somebody has set it; the default in a deep folder is no reason not to start.
 * @throws {ProxyError} PTC_ADMIN_SOCKET
 */
export function checkAdminSocket(records: Records, confDir: string): void {
  if (records[NAME] !== RECORDS[NAME].default) adminSocket(records, confDir)
}
