import { createHash } from 'node:crypto'
import type { Records } from '../config/records-table.js'
import { ask } from '../hooks/ask.js'
import type { HookRegistry } from '../hooks/registry.js'
import { type HandshakeSettings, startHandshake } from '../tls/client.js'
import type { HandshakeObserver } from '../tls/observer.js'
import type { StartTls } from '../tls/start-tls.js'
import { makeTerms, type Terms } from '../tls/terms.js'
import type { ConfiguredContext } from './client-context.js'
import type { VConns } from './vconns.js'

export interface StartTlsParts {
  readonly records: Records
  readonly registry: HookRegistry
  readonly context: ConfiguredContext
  readonly observer: HandshakeObserver
  readonly vconns: VConns
}

/** How origins are verified from here on, until the next reload. */
export interface Verification {
  readonly startTls: StartTls
  /** Handshakes that are under way. */
  readonly inFlight: () => number
  readonly terms: Terms
  /** Hash of everything that shapes a verdict: connections verified under another one are not used again. */
  readonly policyDigest: string
}

/** Every record below it shapes verdicts, or the handshakes they are about. */
const SHAPES_VERDICTS = 'proxy.config.ssl.client.'

let generation = 0

/** Ties records and plugins to the handshake machine, which knows neither. */
export function makeVerification({
  records,
  registry,
  context,
  observer,
  vconns,
}: StartTlsParts): Verification {
  const hooked = registry.on('TS_SSL_CERT_VERIFY_HOOK')
  const terms = makeTerms(
    {
      verify: records['proxy.config.ssl.client.verify.server'],
      policy: records['proxy.config.ssl.client.verify.server.policy'],
      properties: records['proxy.config.ssl.client.verify.server.properties'],
      override: records['proxy.config.ssl.client.verify.server.override'],
    },
    hooked.map(({ plugin }) => plugin.name),
  )
  const settings: HandshakeSettings = {
    context: context.context,
    terms,
    properties: records['proxy.config.ssl.client.verify.server.properties'],
    askers: hooked.map(({ plugin, continuation }) => ({
      plugin: plugin.name,
      deadline: plugin.deadline,
      ask: (event, refuse) => ask<'TS_SSL_CERT_VERIFY_HOOK'>(continuation, event, refuse),
    })),
    deadline: records['proxy.config.ssl.client.verify.deadline'],
    originTimeout: records['proxy.config.ssl.client.handshake_timeout'] * 1000,
    openVConn: ends => vconns.open('outbound', ends),
    observer,
  }
  let inFlight = 0
  const startTls: StartTls = async (tcp, target, signal) => {
    inFlight++
    try {
      return await startHandshake(tcp, target, settings, signal)
    } finally {
      inFlight--
    }
  }
  return { startTls, inFlight: () => inFlight, terms, policyDigest: policyDigest(records) }
}

/** The plugins count as a new generation with every load: nobody can tell whether their code means the same. */
function policyDigest(records: Records): string {
  const shaping = Object.entries(records).filter(([name]) => name.startsWith(SHAPES_VERDICTS))
  return createHash('sha256')
    .update(JSON.stringify([generation++, shaping]))
    .digest('base64url')
}
