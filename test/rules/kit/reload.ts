import { matches, type Rule } from './source.js'

/** Where a constructor reads what a reload may change, and why that is not the last reading. */
const READS_FIRST: Readonly<Record<string, string>> = {
  'core/origin/http2-session.ts': 'the settings of a connection are announced once, at its begin',
  'core/origin/http1.ts': 'the parser needs a limit from the start; each request sets it again',
}

/**
 * What a reload may change is handed on as a `Current` and read at each use. A constructor that reads it keeps an old
 * value; a getter, or a function that pushes new values, is a second way of reload.
 */
export const reloadIsOneWay: Rule = files =>
  files
    .filter(({ path }) => path.startsWith('core/'))
    .flatMap(file => {
      const names = [...file.code.matchAll(/\b(\w+)\??: Current</g)].map(([, name]) => name)
      const read = new RegExp(`(?<!=> |\\w)(?:this\\.#?)?(?:${names.join('|')})\\(\\)`)
      const constructors = [...file.code.matchAll(/^ {2}(?:private )?constructor\([\s\S]*?^ {2}\}$/gm)]
      const isRead = names.length > 0 && constructors.some(([text]) => read.test(text))
      return [
        ...(isRead && READS_FIRST[file.path] === undefined
          ? [`${file.path}: a constructor reads what a reload may change`]
          : []),
        ...(file.path.startsWith('core/program/')
          ? matches(file, /^ {4,}get \w+\(\)(?: \{|:)/m, 'a getter in place of a Current')
          : []),
      ]
    })
