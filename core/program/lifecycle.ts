import type { Generation } from './generation.js'
import type { VConns } from './wiring/vconns.js'

/** Tells plugins where clients may connect. */
export function tellReady(
  vconns: VConns,
  ports: readonly { readonly address: string; readonly port: number }[],
): void {
  const shown = Object.freeze(ports.map(({ address, port }) => Object.freeze({ address, port })))
  vconns.tell('TS_LIFECYCLE_PORTS_READY_HOOK', Object.freeze({ ports: shown }))
}

/**
 * Tells plugins what an operator has sent, in the order of plugin.config.
 * @returns the number of plugins that were notified
 */
export function tellMsg(
  generation: Pick<Generation, 'plugins' | 'vconns'>,
  tag: string,
  data: string | undefined,
): number {
  generation.vconns.tell('TS_LIFECYCLE_MSG_HOOK', Object.freeze({ tag, data }))
  return new Set(generation.plugins.registry.on('TS_LIFECYCLE_MSG_HOOK').map(({ plugin }) => plugin)).size
}

/** Tells plugins that no new clients are taken. @param grace milliseconds for requests in flight */
export function tellShutdown(vconns: VConns, grace: number): void {
  vconns.tell('TS_LIFECYCLE_SHUTDOWN_HOOK', Object.freeze({ grace }))
}
