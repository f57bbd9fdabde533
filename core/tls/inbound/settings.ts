import type { FairQueue } from '../../base/fair-queue.js'
import type { InboundContext } from '../openssl/inbound-context.js'
import type { InboundTerms } from './machine.js'
import type { Prepare } from './preparation.js'
import type { QuestionSettings } from './questions.js'

/** What a handshake with a client has to do with the rest of the program. */
export interface InboundSettings extends QuestionSettings {
  /** Decides about sessions, and the certificates of clients. */
  readonly context: InboundContext
  /** What has to be there before the client is answered, once plugins have let its ClientHello in. */
  readonly prepare?: Prepare
  /** Whose certificate is shown to a client that asks for a name, or for none; asked when all is prepared. */
  readonly choose: (sni: string | undefined) => InboundContext
  /** What sessions are for, if not for all that the context shows: at most 32 bytes; asked together with it. */
  readonly sessionsFor?: (sni: string | undefined) => Buffer
  readonly terms: InboundTerms
  /** What is spoken, the preferred protocol first; asked when all is prepared. */
  readonly alpn: () => readonly string[]
  /** Milliseconds for the whole handshake, parks included, and without the preparation. */
  readonly timeout: number
  /** Shares the processor between handshakes. */
  readonly queue: FairQueue
}
