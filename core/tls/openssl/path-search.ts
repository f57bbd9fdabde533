/**
 * OpenSSL follows one issuer and does not turn back. An origin that sends two cross certificates for one authority, and
 * the one first that is expired, constrained, or issued by an authority that is not trusted here, would be rejected
 * although another path is good.
 */

import { X509_V_ERR_CERT_REVOKED, X509_V_OK } from './errors.js'
import { Issuers, type PathNode } from './issuers.js'
import { type ChosenPath, type JudgedPath, type Presented, verifyPath } from './verify-path.js'

/** Of X509_verify_cert, for one handshake. */
const MAX_RUNS = 16
/** Milliseconds. After it no other path is begun; one takes a fraction of one. */
const MAX_TIME = 250
/** Beginnings of paths that are looked at. */
const MAX_STEPS = 4096
/** Certificates of a path. */
const MAX_LENGTH = 32

/** What is wrong with the leaf itself, on every path: dates, purpose, extensions, key, digest. */
const ABOUT_THE_LEAF: ReadonlySet<number> = new Set([9, 10, 13, 14, 26, 34, 66, 68])

/**
 * Verifies the path that OpenSSL takes; and if it is not good, others, one at a time, the shortest first.
 * @returns the first that is good; without one, the path that OpenSSL takes. A revocation is final: another path round
 * a revoked authority is not looked for.
 * @param verify what judges one path
 */
export function findPath(presented: Presented, verify = verifyPath): JudgedPath {
  const first = verify(presented)
  if (isFinal(first)) return first
  const since = performance.now()
  const tried = new Set([first.key])
  let runs = 1
  const issuers = new Issuers(presented)
  try {
    for (const path of pathsFrom(issuers.leaf)) {
      // One that ends in an anchor that is no root is judged otherwise than OpenSSL's own.
      if (!path.isPartial && tried.has([...path.sent, ...path.anchors].join())) continue
      if (++runs > MAX_RUNS || performance.now() - since > MAX_TIME) break
      const judged = verify(presented, path)
      tried.add(judged.key)
      if (isFinal(judged)) return judged
    }
  } finally {
    issuers.free()
  }
  return first
}

function isFinal({ outcome: { code, depth } }: JudgedPath): boolean {
  if (code === X509_V_OK || code === X509_V_ERR_CERT_REVOKED) return true
  return depth === 0 && ABOUT_THE_LEAF.has(code)
}

/** Every path from the leaf to an anchor, by its length, within the bounds. */
function* pathsFrom(leaf: PathNode): Generator<ChosenPath> {
  // By the length that a path has in the end, if it takes the shortest way from here. It never gets less on the way.
  const begun = Array.from({ length: MAX_LENGTH + 1 }, (): PathNode[][] => [])
  let steps = 0
  const begin = (path: PathNode[], last: PathNode): void => {
    if (++steps <= MAX_STEPS) begun[path.length + last.distance]?.push(path)
  }
  begin([leaf], leaf)
  for (const sameLength of begun) {
    // What is added while the loop runs is visited, too.
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
