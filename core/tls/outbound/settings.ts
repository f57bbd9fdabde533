import type { VConn } from '../../api/vconn.js'
import type { FairQueue } from '../../base/fair-queue.js'
import type { Link } from '../../vconn/link.js'
import type { HookPoint } from '../../wait/chain.js'
import type { TurnAsker } from '../../wait/turn.js'
import type { CheckRules } from '../judge/evidence.js'
import type { NameRules } from '../judge/names.js'
import type { RevocationLog } from '../judge/revocation-log.js'
import type { Terms } from '../judge/terms.js'
import type { OutboundContext } from '../openssl/outbound-context.js'
import type { HandshakeObserver } from './observer.js'
import type { ParkedEvent } from './parked-event.js'
import type { Held } from './parked-handshakes.js'
import type { SessionSettings } from './session-use.js'
import type { TlsTarget } from './start-tls.js'

/** One continuation on the hook, ready to be asked. */
export interface OutboundAsker extends TurnAsker<ParkedEvent> {
  /** What it means when its own time is over: a rejection (also when absent), or what the built-in check says. */
  readonly late?: 'reject' | 'builtin'
  /** One answer may serve several clients. */
  readonly isShared?: boolean | undefined
}

/** What a handshake has to do with the rest of the program. */
export interface OutboundSettings extends Pick<HookPoint<ParkedEvent>, 'shadows' | 'shadowTurns'> {
  readonly context: OutboundContext
  /** What is offered by ALPN where HTTP/2 can be spoken; undefined: what the context offers, which is never HTTP/2. */
  readonly alpnWithHttp2?: readonly string[] | undefined
  readonly terms: Terms
  readonly checks: CheckRules
  readonly names: NameRules
  /** As many as `terms.plugins`, in the same order. */
  readonly askers: readonly OutboundAsker[]
  /** Milliseconds for all plugins together. */
  readonly deadline: number
  /** Milliseconds for the origin's part, before and after the park. */
  readonly originTimeout: number
  /** How many new connections are made for an origin whose connection ends while plugins are asked; default 0. */
  readonly redials?: number
  /** Milliseconds after which the connection of a parked handshake is ended on purpose; absent or 0: never. */
  readonly releaseAfter?: number
  /** What was revoked lately; absent: nothing ever is. */
  readonly revocations?: RevocationLog | undefined
  /** Makes the VConn, whose start hook has run; `close` calls its close hook, once. */
  readonly openVConn: (ends: Link) => { readonly shown: VConn; close(): void }
  readonly observer: HandshakeObserver
  /** Lists the handshakes that wait for a plugin. */
  readonly held?: Held | undefined
  /** Sessions with origins; without it none is asked for. */
  readonly sessions?: SessionSettings | undefined
  /** Shares the processor between handshakes. */
  readonly queue: FairQueue
}

const HTTP1_ALONE = ['http/1.1'] as const

/** What is offered by ALPN on one connection; undefined: what the context offers. */
export function alpnOffer(
  { alpnWithHttp2 }: OutboundSettings,
  { speaksHttp2 }: TlsTarget,
): readonly string[] | undefined {
  if (alpnWithHttp2 === undefined || speaksHttp2 === undefined) return undefined
  return speaksHttp2 ? alpnWithHttp2 : HTTP1_ALONE
}
