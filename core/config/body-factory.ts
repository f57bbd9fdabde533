import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readConfigFile, unreadable } from './config-file.js'
import { placed } from './record-place.js'
import type { Records } from './records-table.js'

/** The text of a template, and what errors call it. */
export interface TemplateFile {
  readonly name: string
  readonly file: string
  readonly text: string
}

export const TEMPLATE_SETS = 'body_factory'

const RECORD = 'proxy.config.body_factory.template_sets_dir'

export const templatesOf = (records: Records, confDir: string): readonly TemplateFile[] =>
  loadTemplates(confDir, records[RECORD], placed(records, RECORD))

/**
 * Reads the templates of proxy.config.body_factory.template_sets_dir: the files of its folder `default`, whose names have
 * no extension. The folder of the usual name may be missing.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE
 */
export function loadTemplates(confDir: string, sets: string, record?: string): readonly TemplateFile[] {
  const dir = join(resolve(confDir, sets), 'default')
  if (sets === TEMPLATE_SETS && !existsSync(dir)) return []
  return namesIn(dir, record).map(name => {
    const file = join(dir, name)
    return { name, file, text: readConfigFile(file) }
  })
}

/** What has an extension (a README, a backup), or begins with a dot, is no template. */
function namesIn(dir: string, record: string | undefined): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter(entry => !entry.isDirectory() && !entry.name.includes('.') && !entry.name.endsWith('~'))
      .map(({ name }) => name)
      .sort()
  } catch (cause) {
    throw unreadable(dir, record, cause)
  }
}
