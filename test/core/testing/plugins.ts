import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { type Kit, type KitOptions, openKit } from '../../../core/testing/kit.js'
import { atExit } from '../../kit/at-end.js'
import { makeTempDir } from '../../kit/temp-dir.js'

/** Where the plugins of these tests are written; removed when the process ends. */
export const dir = makeTempDir()
atExit(dir.remove)
const HERE = pathToFileURL(`${dir.path}/some.test.js`)

/** Writes a plugin whose continuation, on the verify hook unless another is said, is this code. */
export function plugin(
  name: string,
  continuation: string,
  init = '',
  hook = 'TS_SSL_CERT_VERIFY_HOOK',
): void {
  const add = `hookAdd('${hook}', ${continuation})`
  dir.file(
    `${name}.mjs`,
    `export default ({ hookAdd, accept, reject, schedule, note, error, debug }) => { ${init}; ${add} }`,
  )
}

export async function open(t: Test, lines: string | string[], options?: KitOptions): Promise<Kit> {
  const kit = await openKit(HERE, lines, options)
  t.teardown(() => kit.close())
  return kit
}

plugin('yes', '({ reenable }) => { reenable() }')
plugin('no', "({ reenable }) => { reenable(reject('revoked', 'it says so')) }")
plugin('later', '({ schedule, reenable }) => schedule(() => { reenable() }, 3000)')
plugin('never', '({ signal }) => { signal.onabort = () => note("aborted") }')
