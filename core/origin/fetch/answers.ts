import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import type { FetchAnswer } from '../../api/fetch.js'
import type { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import type { FetchQuestion } from './question.js'

/** In memory, of all plugins together. */
const MAX_BYTES = 33_554_432
const MAX_ANSWERS = 1000
const MAX_FAILURES = 1000
/** The head of a file, before the body. */
const MAX_HEAD = 65_536

/** What an answer is kept as: `isCached` is said when it is found. */
export type KeptAnswer = Omit<FetchAnswer, 'isCached'>

/**
 * Answers that have been fetched, in memory and in the folders that plugins name, and failures. As long as the process.
 *
 * A file is one line of JSON and the body. It is written under another name first, and its digest is compared when it is
 * read: one that is not whole, or for another question, is no answer.
 */
export class FetchAnswers {
  readonly #answers = new LRUCache<string, KeptAnswer>({
    max: MAX_ANSWERS,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ body }) => body.length + 1024,
  })
  readonly #failures = new LRUCache<string, ProxyError>({ max: MAX_FAILURES })

  /** The failure that is remembered for the question. */
  failure({ key }: FetchQuestion): ProxyError | undefined {
    return this.#failures.get(key)
  }

  failed({ key, failureFor }: FetchQuestion, why: ProxyError): void {
    if (failureFor > 0) this.#failures.set(key, why, { ttl: failureFor })
  }

  async find(question: FetchQuestion): Promise<KeptAnswer | undefined> {
    const { key, cacheFor, cacheDir } = question
    if (cacheFor === 0) return undefined
    const known = this.#answers.get(key) ?? (cacheDir && (await readAnswer(fileFor(cacheDir, key), question)))
    if (known === undefined || known === '') return undefined
    // A clock that was set back does not make an answer younger.
    const age = Math.abs(Date.now() - known.fetchedAt)
    if (age >= cacheFor) return undefined
    this.#answers.set(key, known)
    return known
  }

  /** Resolves when the answer is stored. A write error is logged, and does not fail the fetch. */
  async keep(question: FetchQuestion, answer: KeptAnswer, warn: (message: string) => void): Promise<void> {
    const { key, cacheFor, cacheDir } = question
    if (cacheFor === 0 || answer.status !== 200) return
    this.#answers.set(key, answer)
    if (cacheDir === undefined) return
    try {
      await writeAnswer(cacheDir, key, answer)
    } catch (cause) {
      warn(`fetch: an answer cannot be kept in ${cacheDir}: ${describe(cause)}`)
    }
  }
}

const fileFor = (dir: string, key: string): string => join(dir, `${key}.fetched`)
const digestOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex')

async function writeAnswer(dir: string, key: string, { body, ...head }: KeptAnswer): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const file = fileFor(dir, key)
  const written = `${file}.${randomBytes(6).toString('hex')}`
  const line = Buffer.from(`${JSON.stringify({ ...head, key, digest: digestOf(body) })}\n`)
  try {
    await writeFile(written, Buffer.concat([line, body]), { mode: 0o600, flag: 'wx' })
    await rename(written, file)
  } catch (cause) {
    await unlink(written).catch(() => undefined)
    throw cause
  }
}

/** Undefined for what is not there, or no whole answer to this question. */
async function readAnswer(file: string, question: FetchQuestion): Promise<KeptAnswer | undefined> {
  try {
    const { size } = await stat(file)
    if (size > question.maxBytes + MAX_HEAD) return undefined
    const bytes = await readFile(file)
    const end = bytes.indexOf('\n')
    const head = JSON.parse(bytes.toString('utf8', 0, end)) as Record<string, unknown>
    const body = bytes.subarray(end + 1)
    const { key, digest, url, fetchedAt, headers } = head
    if (key !== question.key || digest !== digestOf(body) || head['status'] !== 200) return undefined
    if (typeof url !== 'string' || typeof fetchedAt !== 'number' || typeof headers !== 'object')
      return undefined
    return { status: 200, url, fetchedAt, headers: headers as Record<string, string>, body }
  } catch {
    return undefined
  }
}
