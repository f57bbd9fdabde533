import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all garbage of this thread at once; of objects that have just been made alone with `{ type: 'minor' }`. */
export const collectGarbage: (options?: { readonly type: 'minor' }) => void = runInNewContext('gc')
