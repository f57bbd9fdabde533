import type { PeerEvidence } from '../api/certificate.js'
import { ProxyError } from '../base/errors.js'
import { openLogs, type Place, readSetup } from '../compose/setup.js'
import type { VConns } from '../compose/vconns.js'
import type { HandshakeSettings } from '../tls/handshake-settings.js'
import { type Handshake, type HandshakeEvent, INITIAL, step } from '../tls/handshake.js'
import { HookTurn } from '../tls/hook-turn.js'
import { type VerifiedPeer, VerifyRejected } from '../tls/verdict.js'
import { readSavedChain, toEvidence, verdictOf } from './saved-chain.js'

/**
 * Runs today's plugins on chains that `try --save` has written, without an origin. The built-in result is the saved one:
 * what it would be today depends on today's date and roots.
 * @returns the exit status: 0 when every verdict is the saved one, 1 when some differ
 * @throws {ProxyError} of the configuration, PTC_SAVED_CHAIN
 */
export async function replay(place: Place, files: readonly string[]): Promise<number> {
  if (files.length === 0)
    throw new ProxyError('PTC_USAGE', 'replay takes the files that `try --save` has written')
  const saved = files.map(file => ({ file, chain: readSavedChain(file) }))
  const logs = openLogs(place)
  const setup = await readSetup(place, logs)
  let different = 0
  for (const { file, chain } of saved) {
    const { settings } = setup.verification.policyOf(chain.host)
    const now = verdictOf(await judge(toEvidence(chain), chain.port, settings, setup.vconns))
    const isSame = now.verdict === chain.verdict && now.by === chain.by
    if (!isSame) different += 1
    const was = isSame ? '' : `, was ${chain.verdict} by ${chain.by}`
    place.print(
      'stdout',
      `${isSame ? 'same   ' : 'DIFFERS'} ${file} ${chain.host}: ${now.verdict} by ${now.by}${was}`,
    )
  }
  place.print('stdout', `${saved.length} replayed, ${different} differ`)
  setup.plugins.unload()
  setup.contexts.free()
  await logs.close()
  return different === 0 ? 0 : 1
}

/** The pure machine with its plugins and its clock, and no engine: what is sent or resumed goes nowhere. */
function judge(
  evidence: PeerEvidence,
  port: number,
  settings: HandshakeSettings,
  vconns: VConns,
): Promise<VerifiedPeer | VerifyRejected> {
  const vconn = vconns.open('outbound', { remoteAddress: 'replayed', localAddress: 'replayed' })
  return new Promise<VerifiedPeer | VerifyRejected>((resolve, reject) => {
    let state: Handshake = INITIAL
    let clock: NodeJS.Timeout | undefined
    let ends = 0
    const on = (event: HandshakeEvent): void => {
      const [next, ...effects] = step(state, event, settings.terms)
      state = next
      for (const effect of effects) {
        if (effect.do === 'start-clock') startClock()
        else if (effect.do === 'resume' && state.at === 'resuming') resolve(state.peer)
        else if (effect.do === 'close') end(effect.why)
        else if (effect.do === 'call-hook') callHook(effect.hook)
      }
    }
    const startClock = (): void => {
      clearTimeout(clock)
      if (state.at !== 'parked') return
      ends = Date.now() + settings.deadline
      clock = setTimeout(() => on({ type: 'clock' }), settings.deadline)
    }
    const callHook = (hook: number): void => {
      const asker = settings.askers[hook]
      if (asker === undefined) return on({ type: 'plugin-failed', detail: 'there is no such plugin' })
      const turn = { evidence, vconn: vconn.shown, port, deadline: ends }
      new HookTurn(asker, turn, settings.observer, on).start()
    }
    const end = (why: ProxyError): void => {
      clearTimeout(clock)
      if (why instanceof VerifyRejected) resolve(why)
      else reject(why)
    }
    on({ type: 'certificate', evidence })
  }).finally(() => vconn.close())
}
