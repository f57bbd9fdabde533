import { randomUUID } from 'node:crypto'
import { open, readFile, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a writer waits for others, milliseconds. */
const PATIENCE = 5000
/** A lock that is so old belongs to a process that has died, milliseconds. */
const STALE = 10_000
const PAUSE = 10

/**
 * Changes a file that several threads and processes write: one change at a time, and each as a whole. A reader sees the
 * old text or the new one. The lock is `FILE.lock`; an editor that knows no lock and saves meanwhile is not overwritten.
 * @param change gets the text in force; undefined leaves the file as it is
 * @returns the text that is then in the file
 * @throws {Error} when the file cannot be read or written, or others hold the lock for too long
 */
export async function changeFile(
  given: string,
  change: (text: string) => string | undefined,
): Promise<string> {
  return await withLock(given, (path, isOurs) => changeOnce(path, change, isOurs))
}

/**
 * Does work that one thread or process may do at a time.
 * @param given a file that is there; the lock is beside it
 * @param work gets the file's real path, and asks whether the lock still is its own; undefined has it done again
 * @throws {Error} when others hold the lock for too long
 */
export async function withLock<T>(
  given: string,
  work: (path: string, isOurs: () => Promise<boolean>) => Promise<T | undefined>,
): Promise<T> {
  const path = await realpath(given)
  const end = performance.now() + PATIENCE
  for (;;) {
    const token = randomUUID()
    const lock = `${path}.lock`
    if (await take(lock, token)) {
      try {
        const done = await work(path, async () => (await tokenOf(lock)) === token)
        if (done !== undefined) return done
      } finally {
        if ((await tokenOf(lock)) === token) await unlink(lock).catch(() => undefined)
      }
    }
    if (performance.now() > end) throw new Error(`${path}: others are writing it all the time (${lock})`)
    await sleep(PAUSE)
  }
}

/** Writes beside the file, and renames when the bytes are on the disk. Undefined: the file was changed meanwhile, and is as it was. */
async function changeOnce(
  path: string,
  change: (text: string) => string | undefined,
  isOurs: () => Promise<boolean>,
): Promise<string | undefined> {
  const found = await stat(path)
  const before = await readFile(path, 'utf8')
  const after = change(before)
  if (after === undefined) return before
  const beside = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(beside, 'wx', found.mode & 0o777)
    try {
      await file.writeFile(after)
      await file.sync()
    } finally {
      await file.close()
    }
    const now = await stat(path)
    const isSame = now.ino === found.ino && now.mtimeMs === found.mtimeMs && now.size === found.size
    if (!isSame || !(await isOurs())) {
      await unlink(beside)
      return undefined
    }
    await rename(beside, path)
    return after
  } catch (cause) {
    await unlink(beside).catch(() => undefined)
    throw cause
  }
}

async function take(lock: string, token: string): Promise<boolean> {
  try {
    await writeFile(lock, token, { flag: 'wx', mode: 0o600 })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    await removeStale(lock, token)
    return false
  }
}

/** Renamed before it is removed: of several processes that find a stale lock, one removes it. */
async function removeStale(lock: string, token: string): Promise<void> {
  const age = await stat(lock).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  )
  if (age < STALE) return
  const aside = `${lock}.${token}`
  await rename(lock, aside).catch(() => undefined)
  await unlink(aside).catch(() => undefined)
}

const tokenOf = (lock: string): Promise<string | undefined> => readFile(lock, 'utf8').catch(() => undefined)
