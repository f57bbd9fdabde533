import { ProxyError } from '../../base/errors.js'
import { after } from '../../base/timer.js'
import type { Link, LinkSink } from '../../vconn/link.js'
import { RelayedLink } from '../../vconn/origin-link.js'
import { abortReason } from '../dial.js'
import { type Parent, parentText } from './way.js'

/** What is said on a link to a parent before it carries the bytes of an origin. */
export interface Dialogue {
  /** What is said first. */
  readonly first: Buffer
  /**
   * Takes what the parent has said.
   * @returns what to say next, if anything; or, at the end, the bytes behind the last answer
   * @throws {ProxyError} a refusal
   */
  take(bytes: Buffer): { readonly say?: Buffer; readonly rest?: Buffer }
  /** Frees what it holds. */
  end?(): void
}

const nothing = (): void => {}

/**
 * Leads a dialogue to its end. The link is closed if it fails.
 * @param timeout milliseconds for all of it
 * @throws {ProxyError} PTC_PARENT_*, of the dialogue, or the signal's reason
 */
export function negotiate(
  link: Link,
  dialogue: Dialogue,
  parent: Parent,
  timeout: number,
  signal: AbortSignal,
): Promise<RelayedLink> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const settle = (): void => {
      isOver = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      dialogue.end?.()
    }
    const fail = (why: ProxyError): void => {
      if (isOver) return
      settle()
      // The link would keep the dialogue by its sink.
      link.attach({ copiesData: true, onData: nothing, onDrain: nothing, onEnd: nothing, onClose: nothing })
      link.destroy()
      reject(why)
    }
    const onAbort = (): void => fail(abortReason(signal))
    const onClosed = (): void =>
      fail(
        new ProxyError('PTC_PARENT_CLOSED', `${parentText(parent)} closed the connection before it answered`),
      )
    const sink: LinkSink = {
      copiesData: true,
      onData: bytes => {
        if (isOver) return
        try {
          const answer = dialogue.take(bytes)
          if (answer.rest !== undefined) {
            settle()
            resolve(new RelayedLink(link, Buffer.from(answer.rest)))
          } else if (answer.say !== undefined) link.write(answer.say)
        } catch (cause) {
          fail(
            cause instanceof ProxyError
              ? cause
              : new ProxyError('PTC_INTERNAL', 'a dialogue failed', { cause }),
          )
        }
      },
      onDrain: nothing,
      onEnd: onClosed,
      onClose: onClosed,
    }
    const onTime = (): void => {
      const text = `${parentText(parent)} did not answer within ${timeout} ms`
      fail(new ProxyError('PTC_PARENT_TIMEOUT', text))
    }
    const timer = after(timeout, onTime, reject)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    link.write(dialogue.first)
    link.attach(sink)
    if (!isOver) link.resume()
  })
}
