import { isMap, isNode, isScalar, isSeq } from 'yaml'
import { ProxyError } from '../../base/errors.js'
import { parseYaml } from '../../config/yaml-file.js'
import type { Source } from '../source.js'

export type YamlMap = Readonly<Record<string, unknown>>

/** A map in a list, and where it stands. */
export interface YamlItem {
  readonly value: YamlMap
  readonly where: string
}

/**
 * The maps of a list below a root key. A file that is the list itself, as older releases had it, is read as well, if its
 * key may be left out.
 */
export function yamlItems(
  { findings }: Source,
  text: string,
  file: string,
  ...path: readonly [string, ...string[]]
): readonly YamlItem[] {
  try {
    const { document, at } = parseYaml(text, file, 'PTC_RECORDS_INVALID')
    const { contents } = document
    const [root, ...rest] = path
    let node: unknown = contents
    if (isMap(contents))
      node = document.getIn(path, true) ?? (rest.length > 0 ? document.getIn(rest, true) : undefined)
    else if (!isSeq(contents) || root === 'ip_categories' || rest.length > 0) return []
    if (isScalar(node) || !isSeq(node)) return []
    return node.items.flatMap(item => {
      const where = isNode(item) && item.range ? at(item.range[0]) : file
      if (isMap(item)) return [{ value: item.toJS(document) as YamlMap, where }]
      findings.add('wrong', where, 'this is no map of keys and values')
      return []
    })
  } catch (error) {
    findings.add('wrong', file, ProxyError.textOf(error))
    return []
  }
}

/** A scalar, or the scalars of a list, as texts. */
export const asTexts = (value: unknown): readonly string[] =>
  value === undefined || value === null ? [] : (Array.isArray(value) ? value : [value]).map(String)
