import { existsSync } from 'node:fs'
import { ProxyError } from '../base/errors.js'
import { Mistakes } from '../base/mistakes.js'
import { BY_ITSELF, loadParentConfig, type ParentLine } from './parent-config.js'
import { loadParentCredentials, wrongForParents } from './parent-credentials.js'
import { parentsOfEnvironment } from './parent-env.js'
import { parseParentList } from './parent-list.js'
import type { NamedFile } from './record-place.js'

/** Where parents are named. */
export interface ParentSources {
  readonly file: NamedFile
  /** For requests that no line of the file matches. */
  readonly others: string | undefined
  readonly othersBy: string
  readonly othersCredentials: NamedFile | undefined
  /** Whether the variables of the environment count. */
  readonly fromEnvironment: boolean
}

/**
 * All that is said about parent proxies, in the order in which it counts.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, PTC_PARENT_CONFIG_INVALID
 */
export function loadParents(
  { file, others, othersBy, othersCredentials, fromEnvironment }: ParentSources,
  env: Readonly<Record<string, string | undefined>>,
): readonly ParentLine[] {
  const mistakes = new Mistakes()
  const isThere = file.mayBeMissing !== true || existsSync(file.path)
  const lines = mistakes.read(() => (isThere ? loadParentConfig(file) : [])) ?? []
  const last = mistakes.read(() =>
    others === undefined ? [] : [lineForAll(others, othersBy, othersCredentials)],
  )
  const named = mistakes.read(() => (fromEnvironment ? parentsOfEnvironment(env) : []))
  mistakes.check()
  return [...lines, ...(last ?? []), ...(named ?? [])]
}

function lineForAll(text: string, by: string, file: NamedFile | undefined): ParentLine {
  const parents = parseParentList(text)
  if ('wrong' in parents) throw new ProxyError('PTC_PARENT_CONFIG_INVALID', `${by}: ${parents.wrong}`)
  const credentials = file && loadParentCredentials(file.path, file.by)
  const unusable = wrongForParents(credentials, parents)
  if (unusable !== undefined)
    throw new ProxyError('PTC_PARENT_CONFIG_INVALID', `${file?.by ?? by}: ${unusable}`)
  return { ...BY_ITSELF, match: {}, parents, goesDirect: true, credentials, where: by }
}
