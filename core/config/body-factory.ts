import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isThere, readConfigFile, unreadable } from './config-file.js'
import type { NamedFile } from './record-place.js'

/** The text of a template, and what errors call it. */
export interface TemplateFile {
  readonly name: string
  readonly file: string
  readonly text: string
}

/**
 * Reads the templates of proxy.config.body_factory.template_sets_dir: the files of its folder `default`, whose names have
 * no extension. The folder of the default name may be missing.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE
 */
export function loadTemplates({ path, by, mayBeMissing }: NamedFile): readonly TemplateFile[] {
  const dir = join(path, 'default')
  if (mayBeMissing && !isThere(dir)) return []
  return namesIn(dir, by).map(name => {
    const file = join(dir, name)
    return { name, file, text: readConfigFile(file) }
  })
}

/** What has an extension (a README, a backup), or begins with a dot, is no template. */
function namesIn(dir: string, record: string): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter(entry => !entry.isDirectory() && !entry.name.includes('.') && !entry.name.endsWith('~'))
      .map(({ name }) => name)
      .sort()
  } catch (cause) {
    throw unreadable(dir, record, cause)
  }
}
