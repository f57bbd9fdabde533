import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

const gc: (options?: { readonly type: 'minor' }) => void = runInNewContext('gc')

/** Collects all garbage of this thread at once. */
export const collectGarbage = (): void => gc()

/** Collects young objects alone, which takes less time: most of what the steps of a handshake leave is young. */
export const collectNewGarbage = (): void => gc({ type: 'minor' })
