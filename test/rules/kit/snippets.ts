import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Kit, type Origin, type Outcome, openKit } from '../../../core/testing/kit.js'
import { compileElsewhere } from './compile.js'
import { blocksOf, readPages } from './markdown.js'

/** What of a test is needed here. */
export interface Cleaner {
  teardown(fn: () => unknown): void
}

/** The blocks of code in the pages, and where each is. */
const blocks = readPages().flatMap(({ path, text }) =>
  blocksOf(text).map(block => ({ ...block, place: `${path}:${block.line}` })),
)

/** Plugins: JavaScript and TypeScript. */
export const code = blocks.filter(({ language }) => language === 'js' || language === 'ts')
/** Configuration files. */
export const configurations = blocks.filter(({ language, name }) => language === '' && name !== undefined)

const named = code.map(block => [block.name ?? '', block.code] as const)
export const compiled = compileElsewhere(new Map(named))

/** Where the compiled snippets lie. */
export const OUT = pathToFileURL(join(compiled.dir.path, 'out/'))

/** Opens the test kit with compiled snippets, by their lines in plugin.config. */
export async function openSnippet(t: Cleaner, lines: string | readonly string[]): Promise<Kit> {
  const kit = await openKit(new URL('snippets.test.js', OUT), lines)
  t.teardown(() => kit.close())
  return kit
}

/** What becomes of an origin; `a.example`, unless it is said. */
export async function ask(kit: Kit, origin: Partial<Origin> = {}): Promise<Outcome> {
  return await (await kit.park({ host: 'a.example', ...origin })).ended()
}
