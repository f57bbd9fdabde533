import { yamlReader } from '../files/yaml.js'
import { type Holds, KINDS, type Request } from './lists.js'

/** One rule of access.yaml. */
export interface Rule {
  readonly isAllowed: boolean
  /** All must hold. */
  readonly conditions: readonly Holds[]
  /** `access.yaml:7`, without the folder. */
  readonly where: string
}

type Texts = string | number | readonly (string | number)[]

interface RawFile {
  readonly lists?: Readonly<Record<string, Readonly<Record<string, Texts>>>>
  readonly rules: readonly { readonly allow?: Texts; readonly deny?: Texts }[]
}

const TEXT = { type: ['string', 'number'] }
const TEXTS = { anyOf: [TEXT, { type: 'array', items: TEXT }] }

const readYaml = yamlReader<RawFile>({
  type: 'object',
  properties: {
    lists: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: Object.fromEntries(Object.keys(KINDS).map(kind => [kind, TEXTS])),
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
      },
    },
    rules: {
      type: 'array',
      items: {
        type: 'object',
        properties: { allow: TEXTS, deny: TEXTS },
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
      },
    },
  },
  required: ['rules'],
  additionalProperties: false,
})

/** @throws {Error} that names file, line and mistake */
export function parseRules(text: string, file: string): readonly Rule[] {
  const { value, where } = readYaml(text, file)
  const lists = new Map<string, Holds>()
  for (const [name, kinds] of Object.entries(value.lists ?? {}))
    for (const [kind, texts] of Object.entries(kinds)) {
      const at = where('lists', name, kind)
      lists.set(
        name,
        placed(at, () => (KINDS[kind] as (typeof KINDS)[string])(textsOf(texts))),
      )
    }
  return value.rules.map(({ allow, deny }, i): Rule => {
    const at = where('rules', i)
    const conditions = textsOf(allow ?? deny ?? []).map(word => placed(at, () => condition(word, lists)))
    return { isAllowed: allow !== undefined, conditions, where: at.replace(/^.*[\\/]/, '') }
  })
}

/** The name of a list; `!` in front of it means that the list must not hold. */
function condition(word: string, lists: ReadonlyMap<string, Holds>): Holds {
  const name = word.replace(/^!/, '')
  const holds = lists.get(name)
  if (holds === undefined)
    throw new Error(`there is no list ${name}; the lists are ${[...lists.keys()].join(', ')}`)
  return word.startsWith('!') ? request => !holds(request) : holds
}

function placed<T>(at: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new Error(`${at}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

const textsOf = (texts: Texts): readonly string[] => [texts].flat().map(String)

/** The first rule all of whose conditions hold; undefined, which denies, without one. */
export const findRule = (rules: readonly Rule[], request: Request): Rule | undefined =>
  rules.find(({ conditions }) => conditions.every(holds => holds(request)))
