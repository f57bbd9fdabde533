import type { Withdrawn } from '../admin/admin-api.js'
import type { Revocation } from '../api/plugin.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { readRevocation } from '../tls/judge/revocation.js'
import type { Generation } from './generation.js'
import type { Revoking } from './revoking.js'

/** What an operator's revocation is about in one process. */
export interface Withdrawing {
  readonly revoking: Pick<Revoking, 'read' | 'revokeHere'>
  readonly managed: () => Pick<Generation['plugins']['managed'], 'get'>
}

/**
 * Does in this process what an operator revokes: approvals go, and what rests on acceptances.
 * @throws {ProxyError} PTC_REVOCATION, or PTC_ADMIN_REQUEST when approvals could not be withdrawn
 */
export async function withdraw(
  { revoking, managed }: Withdrawing,
  wanted: unknown,
  who: string,
): Promise<Withdrawn> {
  const { elsewhere: plain, what } = revoking.read(wanted)
  let approvals = 0
  let counts: ReturnType<Revoking['revokeHere']> | undefined
  try {
    // Approvals go first: a handshake that begins now must not find one.
    approvals = (await managed().get('approvals')?.withdraw(plain, what, who)) ?? 0
  } catch (cause) {
    const why = `what rests on acceptances is revoked, but not the approvals behind it: ${describe(cause)}`
    throw new ProxyError('PTC_ADMIN_REQUEST', why, { cause })
  } finally {
    counts = revoking.revokeHere(wanted, who)
  }
  return { ...counts, approvals }
}

/**
 * The same revocation for other processes, which may have no verdict under its key.
 * @param host of the verdict that it names by key, if that is known
 * @throws {ProxyError} PTC_REVOCATION
 */
export const elsewhere = (wanted: unknown, host: string | undefined): Revocation =>
  readRevocation(wanted, () => host).elsewhere
