import { ProxyError } from '../base/errors.js'
import { parseParentConfig } from '../config/parent-config.js'
import type { RecordValue } from '../config/record-row.js'
import { wrongWith } from '../config/records.js'
import type { RecordName } from '../config/records-table.js'
import type { RuleText } from '../config/rules.js'

/** A rule of ip_allow.yaml. */
export interface ClientRule {
  readonly addresses: readonly string[]
  readonly action: 'allow' | 'deny'
  /** Undefined for all. */
  readonly methods: readonly string[] | undefined
}

/** A line of ssl_multicert.config. */
export interface CertificateLine {
  readonly destIp: string
  readonly certificates: string
  readonly keys: string | undefined
  readonly issuers: string | undefined
}

/** What a configuration says, in the terms of Portcullis and whatever proxy it was written for. */
export class Facts {
  readonly records = new Map<RecordName, RecordValue>()
  readonly clients: ClientRule[] = []
  readonly origins: RuleText[] = []
  readonly certificates: CertificateLine[] = []
  /** Lines of plugin.config. */
  readonly plugins: string[] = []
  /** Other files, by name. */
  readonly files = new Map<string, string>()

  /** @returns what is wrong with the value; it is not set then */
  set(name: RecordName, value: RecordValue): readonly string[] {
    const wrong = wrongWith(name, value)
    if (wrong.length === 0) this.records.set(name, value)
    return wrong
  }
}

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
