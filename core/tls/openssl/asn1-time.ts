import * as crls from './crl-library.js'
import { type Handle, NULL } from './library.js'
import { Owned } from './owned.js'

const SECOND = 1000
const DAY = 86_400 * SECOND

/** Milliseconds since the epoch; NaN when it is not a time. */
export function timeOf(time: Handle): number {
  const epoch = new Owned('ASN1_TIME', crls.ASN1_TIME_set(NULL, 0), crls.ASN1_TIME_free)
  const days: [number] = [0]
  const seconds: [number] = [0]
  try {
    const isTime = crls.ASN1_TIME_diff(days, seconds, epoch.handle, time) === 1
    return isTime ? days[0] * DAY + seconds[0] * SECOND : Number.NaN
  } finally {
    epoch.free()
  }
}
