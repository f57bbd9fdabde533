import { once } from 'node:events'
import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { codeOf, describe } from '../base/thrown.js'

/** For its owner alone: a user that can write to the socket controls the proxy. */
const MODE = 0o600
/** How long a process behind the socket may take to be noticed; milliseconds. */
const PROBE_TIMEOUT = 2000

/**
 * Has a server listen at a path of the file system. The socket is made in a folder of its own that no other user may enter,
 * and moved when its permissions are right: at no moment is it open to others. A file that a dead process has left is
 * replaced by that.
 * @returns removes the file, if it still is this one
 * @throws {ProxyError} PTC_ADMIN_SOCKET
 */
export async function listenAt(server: Server, path: string): Promise<() => Promise<void>> {
  await checkFree(path)
  try {
    const folder = await mkdtemp(join(dirname(path), '.p'))
    try {
      const made = join(folder, 's')
      server.listen(made)
      await once(server, 'listening')
      await chmod(made, MODE)
      const { ino } = await lstat(made)
      await rename(made, path)
      return () => remove(path, ino)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  } catch (cause) {
    server.close()
    throw notOpened(path, describe(cause), cause)
  }
}

const notOpened = (path: string, why: string, cause?: unknown): ProxyError =>
  new ProxyError('PTC_ADMIN_SOCKET', `the management socket ${path} cannot be opened: ${why}`, { cause })

/** There is nothing at the path, or a socket without a listener. */
async function checkFree(path: string): Promise<void> {
  const found = await lstat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw notOpened(path, describe(cause), cause)
  })
  if (found === undefined) return
  if (!found.isSocket()) throw notOpened(path, 'there is a file that is no socket, and it is not overwritten')
  const answer = await probe(path)
  if (answer === 'ECONNREFUSED' || answer === 'ENOENT') return
  throw notOpened(path, answer === undefined ? 'another process listens there' : `it answers with ${answer}`)
}

/** The code of the error that a connection ends with; undefined: a process listens. */
async function probe(path: string): Promise<string | undefined> {
  const socket = connect(path)
  socket.setTimeout(PROBE_TIMEOUT, () => socket.destroy(new ProxyError('PTC_ADMIN_SOCKET', 'it is silent')))
  try {
    await once(socket, 'connect')
    return undefined
  } catch (cause) {
    return codeOf(cause)
  } finally {
    socket.destroy()
  }
}

async function remove(path: string, ino: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.ino === ino) await unlink(path).catch(() => undefined)
}
