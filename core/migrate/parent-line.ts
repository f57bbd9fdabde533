import { ProxyError } from '../base/errors.js'
import { parseParentConfig } from '../config/parent-config.js'

/** What is wrong with a line for parent.config; undefined where it can be kept. */
export function wrongParentLine(line: string): string | undefined {
  try {
    parseParentConfig(line, 'parent.config')
    return undefined
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error
    return ProxyError.textOf(error).replace(/^parent\.config:1: /, '')
  }
}
