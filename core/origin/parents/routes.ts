import { createHash } from 'node:crypto'
import type { Selection } from '../../config/parent-config.js'
import type { ParentQuestion } from '../../config/parent-match.js'
import type { ParentHealth } from './health.js'
import { DIRECT, ONLY_DIRECT, type Parent, type Way, type Ways } from './way.js'

/** A parent, and its share where parents are chosen by URL. */
export interface WeightedParent {
  readonly parent: Parent
  readonly weight: number
  /** The text that is hashed for it where parents are chosen by URL. */
  readonly hashedAs: string
}

/** What a request is asked about. */
export type WayQuestion = ParentQuestion

/** Some requests, and how they get to their origins. */
export interface Route {
  readonly matches: (question: WayQuestion, minutes: number) => boolean
  readonly parents: readonly WeightedParent[]
  /** Tried after the others. */
  readonly secondary: readonly WeightedParent[]
  readonly order: Selection
  /** Whether the origin is connected to when no parent is left. */
  readonly goesDirect: boolean
  /** Whether the query counts where parents are chosen by URL. */
  readonly hashesQuery: boolean
}

/** What one generation says about ways. The first route that matches decides. */
export class Routes {
  readonly #routes: readonly Route[]
  readonly #health: Pick<ParentHealth, 'isDown' | 'isFailing'>
  readonly #attempts: number
  /** The position in each route: the next parent of a route that takes turns, or the latched one in use. */
  readonly #turns = new Map<Route, number>()

  /** @param attempts how many parents are tried for one connection */
  constructor(
    routes: readonly Route[],
    health: Pick<ParentHealth, 'isDown' | 'isFailing'>,
    attempts: number,
  ) {
    this.#routes = routes
    this.#health = health
    this.#attempts = attempts
  }

  waysFor(question: WayQuestion): Ways {
    const now = new Date()
    const minutes = now.getHours() * 60 + now.getMinutes()
    const route = this.#routes.find(({ matches }) => matches(question, minutes))
    return route === undefined || route.parents.length === 0 ? ONLY_DIRECT : this.#through(route, question)
  }

  /** Parents that are up, then the origin itself where it may be; only then those that are down. */
  #through(route: Route, question: WayQuestion): Ways {
    const listed = [...this.#ordered(route, question), ...byUrlOrListed(route, route.secondary, question)]
    const all = listed.map(({ parent }) => parent)
    const up = all.filter(parent => !this.#health.isDown(parent))
    const down = all.filter(parent => this.#health.isDown(parent))
    const tried = (route.goesDirect ? up : [...up, ...down]).slice(0, this.#attempts)
    const [first, ...rest]: readonly Way[] = [
      ...tried.map(parent => ({ kind: 'parent', parent }) as const),
      ...(route.goesDirect ? [DIRECT] : []),
    ]
    return first === undefined ? ONLY_DIRECT : [first, ...rest]
  }

  #ordered(route: Route, question: WayQuestion): readonly WeightedParent[] {
    const { parents, order } = route
    switch (order) {
      case 'listed':
        return parents
      case 'by url':
        return byUrl(parents, question, route.hashesQuery)
      case 'by client':
        return rotated(parents, Math.floor(share(question.client) * parents.length))
      case 'in turn': {
        const turn = this.#turns.get(route) ?? 0
        this.#turns.set(route, (turn + 1) % parents.length)
        return rotated(parents, turn)
      }
      case 'latched': {
        const from = rotated(parents, this.#turns.get(route) ?? 0)
        const live = from.findIndex(({ parent }) => !this.#health.isFailing(parent))
        const first = from[Math.max(live, 0)]
        this.#turns.set(route, first === undefined ? 0 : parents.indexOf(first))
        return rotated(from, Math.max(live, 0))
      }
    }
  }
}

const rotated = <T>(list: readonly T[], by: number): readonly T[] => [...list.slice(by), ...list.slice(0, by)]

const byUrlOrListed = (
  { order, hashesQuery }: Route,
  parents: readonly WeightedParent[],
  question: WayQuestion,
): readonly WeightedParent[] => (order === 'by url' ? byUrl(parents, question, hashesQuery) : parents)

/** Rendezvous hashing: when a parent comes or goes, only its own share of the URLs moves. */
function byUrl(
  parents: readonly WeightedParent[],
  { url }: WayQuestion,
  hashesQuery: boolean,
): readonly WeightedParent[] {
  const hashed = hashesQuery ? url : url.replace(/\?.*$/s, '')
  const scored = parents.map(one => ({
    one,
    score: -one.weight / Math.log(share(`${one.hashedAs} ${hashed}`)),
  }))
  return scored.sort((a, b) => b.score - a.score).map(({ one }) => one)
}

/** A number above 0 and below 1 that a text always has. */
function share(text: string): number {
  const bits = createHash('sha256').update(text).digest().readUIntBE(0, 6)
  return (bits + 0.5) / 2 ** 48
}
