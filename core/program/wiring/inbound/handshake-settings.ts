import type { FairQueue } from '../../../base/fair-queue.js'
import type { Settings } from '../../../settings/settings.js'
import type { InboundSettings } from '../../../tls/inbound/settings.js'
import type { TurnObserver } from '../../../wait/turn.js'
import type { GenerationInFlight } from '../../in-flight.js'
import type { VConns } from '../vconns.js'
import { SESSION_TIMEOUT } from './client-auth.js'
import type { InboundHooks } from './hooks.js'

const SECOND = 1000
/** What is offered to clients by ALPN, and all that is spoken with them. */
export const offered = (hasHttp2: boolean): readonly string[] => (hasHttp2 ? WITH_HTTP2 : HTTP1_ONLY)
const HTTP1_ONLY = ['http/1.1']
const WITH_HTTP2 = ['h2', 'http/1.1']

/** The parts of a generation that a handshake with a client needs. */
export interface InboundGeneration {
  readonly settings: Pick<Settings, 'inboundTls' | 'listener'>
  readonly vconns: VConns
  readonly clientHooks: InboundHooks
  readonly inFlight: Pick<GenerationInFlight, 'all' | 'waits'>
}

/** What outlives a generation. */
export interface HandshakeParts {
  readonly handshakes: TurnObserver
  readonly queue: FairQueue
}

/** What is shown to a client, and what has to be there before. */
type Shown = Pick<
  InboundSettings,
  'alpn' | 'context' | 'choose' | 'named' | 'makeContext' | 'prepare' | 'sessionsFor'
>

/** The settings of a handshake with a client, whose TLS may end at a port or inside a CONNECT. */
export function settingsOf(
  { settings, vconns, clientHooks: { terms, askers, shadows, shadowTurns } }: InboundGeneration,
  { handshakes, queue }: HandshakeParts,
  shown: Shown,
): InboundSettings {
  return {
    ...shown,
    terms,
    askers,
    shadows,
    shadowTurns,
    tellServername: event => void vconns.tell('TS_SSL_SERVERNAME_HOOK', event),
    tellSession: event => void vconns.tell('TS_SSL_SESSION_HOOK', event),
    timeout: settings.inboundTls.handshakeTimeout,
    sessionLifetime: SESSION_TIMEOUT * SECOND,
    observer: handshakes,
    queue,
  }
}
