import type { FairQueue } from '../base/fair-queue.js'
import type { ServerContext } from './openssl/server-context.js'
import type { Prepare } from './preparation.js'
import type { ServerTerms } from './server-handshake.js'
import type { QuestionSettings } from './server-questions.js'

/** What a handshake with a client has to do with the rest of the program. */
export interface ServerSettings extends QuestionSettings {
  /** Decides about sessions, and the certificates of clients. */
  readonly context: ServerContext
  /** What has to be there before the client is answered, once plugins have let its ClientHello in. */
  readonly prepare?: Prepare
  /** Whose certificate is shown to a client that asks for a name, or for none; asked when all is prepared. */
  readonly choose: (sni: string | undefined) => ServerContext
  /** What sessions are for, if not for all that the context shows: at most 32 bytes; asked together with it. */
  readonly sessionsFor?: (sni: string | undefined) => Buffer
  readonly terms: ServerTerms
  /** What is spoken, the preferred protocol first. */
  readonly alpn: readonly string[]
  /** Milliseconds for the whole handshake, parks included, and without the preparation. */
  readonly timeout: number
  /** Shares the processor between handshakes. */
  readonly queue: FairQueue
}
