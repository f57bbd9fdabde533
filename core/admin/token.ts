import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { ProxyError } from '../base/errors.js'
import { networkOfAddress } from '../base/network.js'
import { ALL_RIGHTS, isRole, ROLES, type Role } from '../base/roles.js'
import { codeOf, describe } from '../base/thrown.js'

/** Characters; a shorter token could be guessed. */
const MIN_TOKEN = 20
/** Bytes of its file. */
const MAX_FILE = 4096
/** How often an empty file is read, and milliseconds between. */
const EMPTY_TRIES = 10
const EMPTY_PAUSE = 50
/** Permissions of group and others. */
const OTHERS = 0o077
/** Wrong tokens of one network within this time, before it is not listened to any more; milliseconds. */
const MAX_WRONG = 10
const WINDOW = 60_000

/** One line of the file: `TOKEN`, which has all rights, or `ROLE:TOKEN`. */
export interface AdminToken {
  readonly token: string
  readonly role: Role
}

/**
 * The tokens of the management port. Where there is no such file it is made, with one token and for its owner alone. A file
 * that is there must be out of the reach of other users; a link leads to the file that is looked at.
 * @throws {ProxyError} PTC_ADMIN_PORT with the file
 */
export async function readTokens(path: string): Promise<readonly AdminToken[]> {
  const failed = (why: string, cause?: unknown): ProxyError =>
    new ProxyError('PTC_ADMIN_PORT', `proxy.config.admin.token_file ${path}: ${why}`, { cause })
  try {
    const file = await open(path, 'wx', 0o600)
    const token = randomBytes(32).toString('base64url')
    await file.writeFile(`${token}\n`).finally(() => file.close())
    return [{ token, role: ALL_RIGHTS }]
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw failed(describe(cause), cause)
  }
  const text = await readWritten(path).catch((cause: unknown) => {
    throw failed(cause instanceof ProxyError ? ProxyError.textOf(cause) : describe(cause), cause)
  })
  const found = parseTokens(text)
  if (typeof found === 'string') throw failed(found)
  return found
}

/** @returns what is wrong */
function parseTokens(text: string): readonly AdminToken[] | string {
  const found: AdminToken[] = []
  for (const [i, line] of text.trim().split('\n').entries()) {
    const [, word, token = ''] = /^(?:([a-z]+):)?(.*)$/.exec(line.trim()) ?? []
    if (token.length < MIN_TOKEN || !/^[\x21-\x7e]+$/.test(token))
      return `line ${i + 1}: a token has at least ${MIN_TOKEN} printable characters, on one line`
    if (word !== undefined && !isRole(word))
      return `line ${i + 1}: there is no role "${word}"; ${ROLES.join(', ')} stand before a token`
    if (word === undefined && i > 0)
      return `line ${i + 1}: a role stands before each further token; ${ROLES.join(', ')} are known`
    if (found.some(one => one.token === token)) return `line ${i + 1}: the same token stands above`
    found.push({ token, role: word ?? ALL_RIGHTS })
  }
  return found
}

/** Another proxy may have made the file a moment ago, and not yet written it. */
async function readWritten(path: string): Promise<string> {
  for (let tries = 1; ; tries++) {
    const text = await readText(path)
    if (text !== '' || tries === EMPTY_TRIES) return text
    await sleep(EMPTY_PAUSE)
  }
}

/** What is looked at is what is read, whatever happens to the name meanwhile. */
async function readText(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const why = await unsafe(file)
    if (why !== undefined) throw new ProxyError('PTC_ADMIN_PORT', why)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** Why a file holds no secret; undefined where it may. */
async function unsafe(file: FileHandle): Promise<string | undefined> {
  const found = await file.stat()
  if (!found.isFile() || found.size > MAX_FILE) return `a token is in a file of at most ${MAX_FILE} bytes`
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0')
  if ((found.mode & OTHERS) === 0) return undefined
  return `other users can read or write it (mode ${mode}): chmod 600 it, or remove it if the token may be known, and a new one is made at the start`
}

/** What a token is worth: its role, if it is known. */
export type TokenCheck = Role | 'wrong' | 'too-many'

/** Compares tokens in constant time, and counts wrong ones by client network. */
export class TokenGuard {
  readonly #known: readonly { readonly digest: Buffer; readonly role: Role }[]
  readonly #wrong = new LRUCache<string, number>({ max: 10_000, ttl: WINDOW, noUpdateTTL: true })

  constructor(tokens: readonly AdminToken[]) {
    this.#known = tokens.map(({ token, role }) => ({ digest: digest(token), role }))
  }

  /** @param address of the client; a network with too many wrong tokens is not listened to, whatever it sends */
  check(token: string, address: string): TokenCheck {
    const network = networkOfAddress(address)
    const wrong = this.#wrong.get(network) ?? 0
    if (wrong >= MAX_WRONG) return 'too-many'
    const given = digest(token)
    // All are compared: the time says nothing about which it is.
    const [found] = this.#known.filter(one => timingSafeEqual(given, one.digest))
    if (found !== undefined) return found.role
    this.#wrong.set(network, wrong + 1)
    return 'wrong'
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
