import { setTimeout as sleep } from 'node:timers/promises'
import { ProxyError } from '../base/errors.js'

/** Milliseconds between two reads. */
const LOOK = 5

/**
 * Waits for the first line that matches.
 * @throws {ProxyError} PTC_TEST_KIT
 */
export async function lineOf(lines: readonly string[], pattern: RegExp, ms: number): Promise<string> {
  for (const end = performance.now() + ms; ; await sleep(LOOK)) {
    const line = lines.find(text => pattern.test(text))
    if (line !== undefined) return line
    if (performance.now() > end)
      throw new ProxyError('PTC_TEST_KIT', `no line ${pattern} after ${ms} ms in:\n${lines.join('\n')}`)
  }
}
