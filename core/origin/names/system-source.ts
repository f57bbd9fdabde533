/**
 * Asks the system's resolver (`getaddrinfo`), for names that only it knows. It occupies a thread of libuv's pool until it
 * has answered and cannot be cancelled, so only a few questions are in flight at a time, across all generations.
 */
import { lookup } from 'node:dns'
import { codeOf } from '../../base/thrown.js'
import { Shares } from './shares.js'
import type { Asked, NameSource, Outcome } from './source.js'

const DEFAULT_THREADS = 4

/** The pool belongs to the process, and so do the shares of it. */
let shares: Shares | undefined

/** Half of the pool: libuv gives no more to questions of this kind, and what it holds back would wait unfairly there. */
export function systemSource(threads = DEFAULT_THREADS): NameSource {
  const total = Math.max(1, Math.floor(threads / 2))
  shares ??= new Shares({ total, perClient: total })
  return { shares, ask, epoch: () => shares, close: () => undefined }
}

function ask(name: string): Asked {
  const outcome = new Promise<Outcome>(resolve => {
    lookup(name, { all: true }, (error, found) =>
      resolve(
        error === null
          ? { addresses: found.map(({ address }) => address), ttl: undefined }
          : { failed: codeOf(error) || 'ENOTFOUND' },
      ),
    )
  })
  return { outcome, cancel: () => false }
}
