import { setImmediate } from 'node:timers/promises'
import type { PeerEvidence } from '../api/certificate.js'
import type { VConn } from '../api/vconn.js'
import { ProxyError } from '../base/errors.js'
import { every } from '../base/timer.js'
import type { Place } from '../program/place.js'
import type { VConns } from '../program/wiring/vconns.js'
import { type VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'
import { Judgement } from '../tls/outbound/judgement.js'
import type { OutboundSettings } from '../tls/outbound/settings.js'
import { readSavedChain, toEvidence, verdictOf } from './saved-chain.js'
import { withGeneration } from './verify-config.js'

/** Milliseconds between two lines about the progress. */
const PERIOD = 5000

/**
 * Runs today's plugins on chains that `try --save` has written, without an origin. The built-in result is the saved one:
 * what it would be today depends on today's date and roots. On stderr it says every 5 s how many are done.
 * @returns the exit status: 0 when every verdict is the saved one, 1 when some differ
 * @throws {ProxyError} of the configuration, PTC_SAVED_CHAIN
 */
export async function replay(place: Place, files: readonly string[]): Promise<number> {
  if (files.length === 0)
    throw new ProxyError('PTC_USAGE', 'replay takes the files that `try --save` has written')
  const saved = files.map(file => ({ file, chain: readSavedChain(file) }))
  return await withGeneration(place, async ({ verification, vconns }) => {
    let [done, different] = [0, 0]
    const tell = (): void => place.print('stderr', `replay: ${done} of ${saved.length}`)
    const telling = every(PERIOD, tell, () => undefined)
    try {
      for (const { file, chain } of saved) {
        const { settings } = verification.policyOf(chain.host)
        const now = verdictOf(await judge(toEvidence(chain), chain.port, settings, vconns))
        const isSame = now.verdict === chain.verdict && now.by === chain.by
        if (!isSame) different += 1
        const [word, was] = isSame ? ['same   ', ''] : ['DIFFERS', `, was ${chain.verdict} by ${chain.by}`]
        place.print('stdout', `${word} ${file} ${chain.host}: ${now.verdict} by ${now.by}${was}`)
        done += 1
        // Plugins that answer at once leave no time for the timer.
        await setImmediate()
      }
    } finally {
      clearInterval(telling)
    }
    place.print('stdout', `${saved.length} replayed, ${different} differ`)
    return different === 0 ? 0 : 1
  })
}

type Opened = ReturnType<VConns['askOrigin']>

function judge(
  evidence: PeerEvidence,
  port: number,
  settings: OutboundSettings,
  vconns: VConns,
): Promise<VerifiedPeer | VerifyRejected> {
  const ends = { remoteAddress: 'replayed', localAddress: 'replayed' }
  let vconn: Opened | undefined
  return new Promise<Opened>((resolve, reject) => {
    vconn = vconns.askOrigin(ends, { host: evidence.host, port }, (opened, why) => {
      if (why === undefined) resolve(opened)
      else reject(why)
    })
  })
    .then(({ shown }) => judgeOn(shown, evidence, port, settings))
    .finally(() => vconn?.close())
}

function judgeOn(
  vconn: VConn,
  evidence: PeerEvidence,
  port: number,
  settings: OutboundSettings,
): Promise<VerifiedPeer | VerifyRejected> {
  return new Promise((resolve, reject) => {
    const judgement = new Judgement({ ...settings, evidence, port, vconn }, end => {
      if (end instanceof ProxyError && !(end instanceof VerifyRejected)) reject(end)
      else resolve(end)
    })
    judgement.start()
  })
}
