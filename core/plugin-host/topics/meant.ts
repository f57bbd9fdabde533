import type { ApprovedOrigin } from '../../api/managed.js'
import type { Revocation } from '../../api/plugin.js'

/**
 * Which approvals a revocation withdraws. A plugin is given this function, and a worker makes it of the same plain data.
 * @param revocation as the proxy writes it: digests in hex
 */
export function meantBy(revocation: Revocation): (origin: ApprovedOrigin) => boolean {
  if (revocation === 'all') return () => true
  if ('host' in revocation) {
    const wanted = withoutDot(revocation.host)
    return ({ host }) => withoutDot(host) === wanted
  }
  if ('spki' in revocation) return ({ spki }) => spki === revocation.spki
  return ({ sha256 }) => sha256 === revocation.certificate
}

const withoutDot = (host: string): string => (host.endsWith('.') ? host.slice(0, -1) : host)
