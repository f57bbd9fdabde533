import type { Test } from 'tap'
import { StoreKeys } from '../../../core/base/store-keys.js'
import { SharedLog } from '../../../core/cluster/fleet/shared-log.js'
import { makeKey } from '../../kit/stores.js'
import { poll } from '../../kit/watch.js'

const KEYS = makeKey()

/** A process of a fleet whose topic `kept` must not be lost. */
export function member(t: Test, url: string, text = KEYS) {
  const heard: unknown[] = []
  const states: (string | undefined)[] = []
  let gaps = 0
  const log = new SharedLog({
    redis: { url },
    keys: StoreKeys.fromKeys(text, 'cluster'),
    prefix: 'portcullis:',
    isRepeated: topic => topic === 'kept',
    onEntry: (topic, entry) => heard.push([topic, entry]),
    onGap: () => {
      gaps += 1
    },
    onState: lost => states.push(lost),
  })
  t.teardown(() => log.close())
  return { log, heard, states, gaps: () => gaps }
}

/** The condition is the text of the error. */
export const until = (isSo: () => boolean): Promise<true> => poll(isSo, String(isSo))
