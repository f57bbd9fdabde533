import type { ApprovalScope, GivenAnswer } from 'portcullis/plugin'
import type { Answered, Subject } from './question.js'

/** An answer, and what it is kept for. */
export interface Kept extends Answered {
  /** When it was given, ISO 8601. */
  readonly at: string
  readonly scope: ApprovalScope
  readonly subject: Subject
}

/** The answers in force. The latest one that covers a handshake counts. */
export class Answers {
  /** By host, in the order in which they were given. */
  readonly #byHost = new Map<string, Kept[]>()

  get size(): number {
    let size = 0
    for (const list of this.#byHost.values()) size += list.length
    return size
  }

  add(kept: Kept): void {
    const { host } = kept.subject
    const others = (this.#byHost.get(host) ?? []).filter(other => !isReplaced(other, kept))
    this.#byHost.set(host, [...others, kept])
  }

  find(subject: Subject, now = Date.now()): Kept | undefined {
    const list = this.#byHost.get(subject.host)?.filter(({ until = Infinity }) => until > now)
    if (list === undefined) return undefined
    if (list.length === 0) this.#byHost.delete(subject.host)
    else this.#byHost.set(subject.host, list)
    return list.findLast(kept => covers(kept, subject))
  }

  /** Those that count now. */
  list(now = Date.now()): readonly Kept[] {
    return [...this.#byHost.values()].flat().filter(({ until = Infinity }) => until > now)
  }

  /** Those that are meant, and are in force no more from now on. */
  withdraw(isMeant: (kept: Kept) => boolean): readonly Kept[] {
    const gone: Kept[] = []
    for (const [host, list] of this.#byHost) {
      const rest = list.filter(kept => !isMeant(kept))
      gone.push(...list.filter(isMeant))
      if (rest.length === 0) this.#byHost.delete(host)
      else this.#byHost.set(host, rest)
    }
    return gone
  }
}

/**
 * An acceptance that was given although the built-in check had failed covers that certificate and that failure alone;
 * one that was given to a valid certificate covers no failure.
 */
export function covers({ scope, subject: was, verdict }: Kept, is: Subject): boolean {
  if (was.leaf === is.leaf && was.builtIn === is.builtIn) return true
  if (verdict === 'accept' && (was.builtIn !== 'X509_V_OK' || is.builtIn !== 'X509_V_OK')) return false
  if (scope === 'host') return true
  return scope === 'issuer'
    ? was.issuerKey !== undefined && was.issuerKey === is.issuerKey
    : was.leaf === is.leaf
}

const isReplaced = (old: Kept, by: Kept): boolean =>
  old.scope === by.scope &&
  old.subject.leaf === by.subject.leaf &&
  old.subject.issuerKey === by.subject.issuerKey &&
  old.subject.builtIn === by.subject.builtIn

export function describeKept({ id, verdict, scope, at, until, who, why, subject }: Kept): GivenAnswer {
  const { host, port, leaf: sha256, builtIn } = subject
  const [since, end, reason] = [Date.parse(at), until ?? null, why ?? null]
  return { id, host, port, verdict, scope, sha256, builtIn, at: since, until: end, who, why: reason }
}
