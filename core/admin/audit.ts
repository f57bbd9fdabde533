import { randomUUID } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ProxyError } from '../base/errors.js'
import { clip, describe } from '../base/thrown.js'

/** Characters of one text of an entry. */
const MAX_TEXT = 1000
/** Fields of bodies that may hold what is secret, or large. */
const UNWRITTEN = new Set(['value', 'data'])

/** What an operator asks for, or what became of it. */
export interface AuditEntry {
  /** Joins both. */
  readonly id: string
  readonly [field: string]: unknown
}

/** Writes down what operators do. @throws {ProxyError} PTC_ADMIN_AUDIT when the entry is not on the disk */
export type Audit = (entry: AuditEntry) => Promise<void>

/**
 * An audit file. It is opened anew for each entry, so that it can be moved at any time, and an entry counts when the disk has it.
 * Entries are written one after another: what was asked first is done first.
 * @param path its folder is made where it is missing
 */
export function auditFile(path: string): Audit {
  const write = async (entry: AuditEntry): Promise<void> => {
    try {
      await mkdir(dirname(path), { recursive: true })
      const file = await open(path, 'a', 0o600)
      try {
        await file.appendFile(`${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n`)
        await file.datasync()
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw new ProxyError('PTC_ADMIN_AUDIT', `proxy.config.admin.audit_file ${path}: ${describe(cause)}`, {
        cause,
      })
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return entry => {
    const written = last.then(() => write(entry))
    last = written.catch(() => undefined)
    return written
  }
}

/** How an entry is written. */
export interface Auditing {
  readonly audit: Audit
  /** What was not written. */
  readonly onError: (message: string) => void
}

/**
 * Writes down what is asked for, before it is done. Where that cannot be written, what is `required` is not done; the rest goes on.
 * @returns writes how it ended; never rejected
 * @throws {ProxyError} PTC_ADMIN_AUDIT
 */
export async function begun(
  { audit, onError }: Auditing,
  entry: Readonly<Record<string, unknown>>,
  isRequired: boolean,
): Promise<(status: number) => Promise<void>> {
  const id = randomUUID()
  const failed = (cause: unknown): void => onError(ProxyError.textOf(cause))
  try {
    await audit({ id, ...entry })
  } catch (cause) {
    failed(cause)
    if (isRequired) throw cause
  }
  return status => audit({ id, status }).catch(failed)
}

/** What a request says, without what may be secret. */
export function auditable(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return undefined
  const written = Object.entries(body).filter(([name]) => !UNWRITTEN.has(name))
  return Object.fromEntries(
    written.map(([name, value]) => [name, typeof value === 'string' ? clip(value, MAX_TEXT) : value]),
  )
}
