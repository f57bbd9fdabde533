import type { ParentLine } from '../../../config/parent-config.js'
import { parseParentUrl } from '../../../config/parent-env.js'
import type { ParentEntry } from '../../../config/parent-list.js'
import { matches } from '../../../config/parent-match.js'
import type { ParentHealth } from '../../../origin/parents/health.js'
import { type Route, Routes, type WeightedParent } from '../../../origin/parents/routes.js'
import { makeParent, type Way } from '../../../origin/parents/way.js'

/** How the requests of one generation get to their origins; undefined where everything goes directly. */
export const makeRoutes = (
  lines: readonly ParentLine[],
  health: Pick<ParentHealth, 'isDown' | 'isFailing'>,
  attempts: number,
): Routes | undefined => (lines.length === 0 ? undefined : new Routes(lines.map(routeOf), health, attempts))

function routeOf(line: ParentLine): Route {
  const { match, parents, secondary, selection, goesDirect, hashesQuery } = line
  const weighted = (entries: readonly ParentEntry[]): readonly WeightedParent[] =>
    entries.map(({ scheme, host, port, weight, hashedAs }) => ({
      parent: makeParent({ scheme, host, port, credentials: line.credentials, isProxy: line.isProxy }),
      weight,
      hashedAs,
    }))
  return {
    matches: (question, minutes) => matches(match, question, minutes),
    parents: weighted(parents),
    secondary: weighted(secondary),
    order: selection,
    goesDirect,
    hashesQuery,
  }
}

/**
 * The way through one parent.
 * @param by what names it, as errors call it
 * @throws {ProxyError} PTC_PARENT_CONFIG_INVALID
 */
export function parentWay(url: string, by: string): Way {
  const { entry, credentials } = parseParentUrl(url, by)
  const { scheme, host, port } = entry
  return { kind: 'parent', parent: makeParent({ scheme, host, port, credentials, isProxy: true }) }
}
