/** Words that make a comment or a page hard to read for an engineer whose first language is not English. */
import { FENCE, type MarkdownFile } from './markdown.js'
import { lineAt, type SourceFile, type Violation } from './source.js'

/** Words to avoid, each with a remedy. Code in backticks and fenced blocks is not checked. */
const RIDDLES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:who|whom|whoever|whosoever)\b/, 'name the thing that acts'],
  [/\b(?:somebody|someone|anybody|anyone|nobody|everybody)(?:'s)?\b/, 'name the thing that acts'],
  [/\b(?:hears|hear) (?:of|what|how|why|each|none)\b|\bit hears\b/, 'is called with, is told'],
  [/\bof whom\b/, 'make a sentence of its own'],
  [/\b(?:makes?|making|made) way\b/, 'yields'],
  [/\bunder way\b/, 'in flight'],
  [/\bwhat (?:would|will) become of\b/, 'say what is done'],
  [/\b(?:have|has|had) a say\b/, 'decides, can reject'],
  [/\bleft alone\b/, 'is not changed, is not checked'],
  [/\bfor ever\b/, 'without end'],
  [/\btidings\b/, 'notifications'],
  [/(?<!\bin )\bfronts?\b/, 'listener'],
  [/\b(?:lent|lend)\b/, 'pooled buffer'],
  [/\bas the case may be\b/, 'say when'],
]

/** `path:line: word: what helps`, for each riddle in a file's comments. */
export function riddlesInComments(file: SourceFile): Violation[] {
  const comments = [...file.text].map((unit, i) =>
    file.uncommented[i] === ' ' || unit === '\n' ? unit : ' ',
  )
  return riddles(file.path, comments.join(''))
}

/** The same in the titles of its tests. */
export function riddlesInTitles({ path, text }: SourceFile): Violation[] {
  const titles = [...text.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g)]
  return titles.flatMap(({ index, 2: title = '' }) =>
    riddles(path, `${'\n'.repeat(lineAt(text, index) - 1)}${title}`),
  )
}

/** The same in the prose of a page. */
export function riddlesInPage({ path, text }: MarkdownFile): Violation[] {
  return riddles(path, text.replace(FENCE, blank))
}

function riddles(path: string, text: string): Violation[] {
  const prose = text.replace(/`[^`\n]*`/g, blank)
  return RIDDLES.flatMap(([pattern, help]) =>
    [...prose.matchAll(new RegExp(pattern, 'gi'))].map(
      match => `${path}:${lineAt(prose, match.index)}: '${match[0]}': ${help}`,
    ),
  ).sort()
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ')
