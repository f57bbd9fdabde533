import type { HookId } from '../../../api/hooks.js'
import type { HookRegistry, PluginRef } from '../../../hooks/registry.js'
import type { Gate, InboundTerms } from '../../../tls/inbound/machine.js'
import type { InboundAskers } from '../../../tls/inbound/questions.js'
import type { HeldTurns } from '../../../wait/held-turns.js'
import { Shadows } from '../../../wait/shadows.js'
import { askersOn } from '../hook-points.js'

/** The plugins on the hooks of the client's side, as the handshake machine asks them. */
export interface InboundHooks {
  readonly terms: InboundTerms
  readonly askers: InboundAskers
  /** Those in shadow mode, and where their turns are kept. */
  readonly shadows: InboundAskers
  readonly shadowTurns: Shadows
  /** Whether plugins keep the sessions of clients. */
  readonly keepSessions: boolean
}

const HOOKS = {
  hello: 'TS_SSL_CLIENT_HELLO_HOOK',
  session: 'TS_SSL_SESSION_HOOK',
  certificate: 'TS_SSL_CERT_HOOK',
  client: 'TS_SSL_VERIFY_CLIENT_HOOK',
} as const satisfies Record<Gate, HookId>

/**
 * @param held where the turns of plugins in enforce mode are listed
 * @param shadowTurns where the turns of plugins in shadow mode are kept
 */
export function makeInboundHooks(
  registry: HookRegistry,
  held?: HeldTurns,
  shadowTurns = new Shadows(),
): InboundHooks {
  const askers = askersIn(registry, 'enforce', held)
  const namesOn = (gate: Gate): readonly string[] => askers[gate].map(({ plugin }) => plugin)
  return {
    askers,
    shadows: askersIn(registry, 'shadow'),
    shadowTurns,
    keepSessions: askers.session.length > 0,
    terms: {
      hello: namesOn('hello'),
      session: namesOn('session'),
      certificate: namesOn('certificate'),
      client: namesOn('client'),
    },
  }
}

function askersIn(registry: HookRegistry, mode: PluginRef['mode'], held?: HeldTurns): InboundAskers {
  return {
    hello: askersOn(registry, HOOKS.hello, mode, held),
    session: askersOn(registry, HOOKS.session, mode, held),
    certificate: askersOn(registry, HOOKS.certificate, mode, held),
    client: askersOn(registry, HOOKS.client, mode, held),
  }
}
