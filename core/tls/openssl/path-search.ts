/**
 * OpenSSL follows one issuer and does not backtrack. Suppose an origin sends two cross certificates for one authority, and
 * the first one is expired, constrained, or issued by an authority that is not trusted here. OpenSSL would reject it
 * although another path is good.
 */

import { X509_V_ERR_CERT_REVOKED, X509_V_OK } from './errors.js'
import { Issuers, type PathNode } from './issuers.js'
import { type ChosenPath, type JudgedPath, type Presented, verifyPath } from './verify-path.js'

/** Calls of X509_verify_cert for one handshake. */
const MAX_RUNS = 16
/**
 * Milliseconds of the process's CPU time. Later no other path is begun; one path takes a fraction of a millisecond. The clock
 * alone would make the verdict depend on what else the machine does.
 */
const MAX_TIME = 250
/** Milliseconds on the clock after which none is begun in any case. */
const MAX_WAIT = 2000
/** Partial paths that are looked at. */
const MAX_STEPS = 4096
/** Certificates in one path. */
const MAX_LENGTH = 32

/** Errors of the leaf itself, which every path has: dates, purpose, extensions, key, digest. */
const ABOUT_THE_LEAF: ReadonlySet<number> = new Set([9, 10, 13, 14, 26, 34, 66, 68])

/**
 * Verifies the path that OpenSSL takes. If it is not good, verifies others, one at a time, the shortest first.
 * @returns the first good path; without one, the path that OpenSSL takes. A revocation is final: no other path around a
 * revoked authority is tried.
 * @param verify verifies one path
 */
export function findPath(presented: Presented, verify = verifyPath): JudgedPath {
  const first = verify(presented)
  if (isFinal(first)) return first
  const isLate = timeLimit()
  const tried = new Set([first.key])
  let runs = 1
  const issuers = new Issuers(presented)
  try {
    for (const path of pathsFrom(issuers.leaf)) {
      // A path that ends in an anchor that is no root is verified with other flags than OpenSSL's own path.
      if (!path.isPartial && tried.has([...path.sent, ...path.anchors].join())) continue
      if (++runs > MAX_RUNS || isLate()) break
      const judged = verify(presented, path)
      tried.add(judged.key)
      if (isFinal(judged)) return judged
    }
  } finally {
    issuers.free()
  }
  return first
}

/** @returns whether the time is over that begins now */
function timeLimit(): () => boolean {
  const since = performance.now()
  const before = process.cpuUsage()
  return () => {
    const waited = performance.now() - since
    if (waited <= MAX_TIME || waited > MAX_WAIT) return waited > MAX_WAIT
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000 > MAX_TIME
  }
}

function isFinal({ outcome: { code, depth } }: JudgedPath): boolean {
  if (code === X509_V_OK || code === X509_V_ERR_CERT_REVOKED) return true
  return depth === 0 && ABOUT_THE_LEAF.has(code)
}

/** Every path from the leaf to an anchor, the shortest first, within the limits. */
function* pathsFrom(leaf: PathNode): Generator<ChosenPath> {
  // Ordered by the least length that the complete path can have. This value never decreases along a path.
  const begun = Array.from({ length: MAX_LENGTH + 1 }, (): PathNode[][] => [])
  let steps = 0
  const begin = (path: PathNode[], last: PathNode): void => {
    if (++steps <= MAX_STEPS) begun[path.length + last.distance]?.push(path)
  }
  begin([leaf], leaf)
  for (const sameLength of begun) {
    // The loop also visits the elements that it adds.
    for (const path of sameLength) {
      const last = path.at(-1)
      if (last?.isAnchor) yield chosen(path)
      for (const issuer of last?.issuers ?? []) if (!path.includes(issuer)) begin([...path, issuer], issuer)
    }
  }
}

function chosen(path: readonly PathNode[]): ChosenPath {
  return {
    sent: path.filter(node => !node.isAnchor).map(({ x509 }) => x509),
    anchors: path.filter(node => node.isAnchor).map(({ x509 }) => x509),
    isPartial: path.at(-1)?.isRoot === false,
  }
}
