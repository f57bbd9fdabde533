import type { VerifyServerEvent } from 'portcullis/plugin'
import { readDetails } from 'portcullis/x509'
import type { Lists } from './lists.js'
import type { Answer } from './no-answer.js'
import type { Responders } from './responders.js'
import type { Subject, Subjects } from './subject.js'
import { askWithin } from './within.js'

export type SourceName = 'staple' | 'crl' | 'ocsp'

export interface AskOptions {
  readonly subjects: Subjects
  readonly lists: Lists
  readonly responders: Responders
  /** In the order in which they are asked. */
  readonly sources: readonly SourceName[]
  readonly depth: 'leaf' | 'chain'
  /** Milliseconds for all of them. */
  readonly timeout: number
}

type Evidence = Pick<VerifyServerEvent, 'builtChain' | 'checks' | 'signal' | 'ocspResponse'>

/** Asks about the certificates of one handshake, at the same time. @returns an answer for each */
export async function askAbout(
  { builtChain, checks, signal, ocspResponse }: Evidence,
  { subjects, lists, responders, sources, depth, timeout }: AskOptions,
): Promise<readonly Answer[]> {
  // Without signatures the certificate behind another one need not be its issuer.
  if (!checks.signature.ok) {
    const [leaf] = builtChain
    const isMustStaple = leaf !== undefined && readDetails(leaf).isMustStaple
    return [{ kind: isMustStaple ? 'unstapled' : 'failed', why: 'the chain is not verified' }]
  }
  const end = performance.now() + timeout
  const ask = async (subject: Subject, staple: Buffer | undefined): Promise<Answer> => {
    if (subject.isLeaf && subject.isMustStaple) {
      const stapled = await responders.readStaple(staple, subject)
      if (stapled.kind === 'none') return { kind: 'unstapled', why: 'there is none' }
      if (stapled.kind === 'failed') return { kind: 'unstapled', why: stapled.why }
      if (stapled.kind === 'revoked') return stapled
    }
    const { crlPoints, ocspUrls } = subject
    const asks = {
      staple: staple && (() => responders.readStaple(staple, subject)),
      crl: crlPoints.length > 0 && (() => lists.ask(subject)),
      ocsp: ocspUrls.length > 0 && (() => responders.ask(subject)),
    }
    // Sources that are not there take no share of the time.
    return await askWithin(
      sources.flatMap(name => asks[name] || []),
      end,
      signal,
    )
  }
  const [leaf, ...issuers] = builtChain
  if (leaf === undefined) return []
  // An anchor that is shown as the leaf stands for itself.
  const pairs = (issuers.length === 0 ? [leaf] : issuers).map((by, i) => [builtChain[i] ?? by, by] as const)
  const asked = pairs
    .slice(0, depth === 'leaf' ? 1 : undefined)
    .map(([certificate, by], i) => subjects.of(certificate, by, i === 0))
  // A handshake carries a response about the leaf.
  return await Promise.all(asked.map(one => ask(one, one.isLeaf ? ocspResponse : undefined)))
}
