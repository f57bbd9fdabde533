/** Rules about what code may say. */
import { matches, type Rule, type SourceFile } from './source.js'

const isCore = ({ path }: SourceFile): boolean => path.startsWith('core/')
const isProgram = ({ path }: SourceFile): boolean => /^(core|plugins|sample-plugins)\//.test(path)

/** Only `settle` makes the proof that an origin was accepted. */
export const onlyVerdictMakesVerifiedPeers: Rule = files =>
  files
    .filter(file => isProgram(file) && file.path !== 'core/tls/judge/verdict.ts')
    .flatMap(file => matches(file, /\bas\s+VerifiedPeer\b|=\s*<VerifiedPeer>/, 'makes a VerifiedPeer'))

/**
 * Whether a tunnel is probed, bumped or only relayed is decided in one place, from all names that it has: what asks for
 * the mode of one name forgets the others.
 */
export const onlyOneJudgesTunnels: Rule = files =>
  files
    .filter(file => isProgram(file) && file.path !== 'core/http/connect/tunnel-judgement.ts')
    .flatMap(file => matches(file, /\.modeOf(?:Address)?\b/, 'asks for the mode of one host'))

/** Two readings of a host are two hosts: a rule for one of them does not hold for the other. */
export const onlyOneReadsHosts: Rule = files =>
  files
    .filter(file => isProgram(file) && file.path !== 'core/base/host.ts')
    .flatMap(file => matches(file, /\bdomainTo(?:ASCII|Unicode)\b/, 'reads a host by itself'))

/** Where a class of that name may be made, and why. */
const MAKES_X509: Readonly<Record<string, string>> = {
  'core/base/x509.ts': 'the one function: what it has made is about exactly the bytes it was given',
  'core/tls/inbound/authority-chain.ts':
    "not Node's class: the issuing library's, for the operator's own file, compared in the same way",
}

/**
 * One function makes an X509Certificate, because Node's constructor reads PEM text inside a certificate in place of the
 * certificate. Tests are not looked at: they read PEM texts that they have issued themselves.
 */
export const onlyOneMakesX509: Rule = files =>
  files
    .filter(file => isProgram(file) && MAKES_X509[file.path] === undefined)
    .flatMap(file => [
      ...matches(file, /\bnew\s+(?:[\w$.]+\.)?X509Certificate\b/, 'makes an X509Certificate'),
      ...matches(file, /(?<!\bimport\([^)]*\))\.X509Certificate\b/, 'takes the class X509Certificate'),
      ...matches(
        file,
        /(?<!\bimport\s+type\s*)\{[^{}]*(?<!\btype\s+)\bX509Certificate\b[^{}]*\}\s*(?:=|from\b)/,
        'takes the class X509Certificate',
      ),
      ...matches(file, /\[\s*['"`]X509Certificate['"`]/, 'takes the class X509Certificate', 'uncommented'),
    ])

/** The same in what the documentation teaches; a line may say why not. */
export const noPageMakesX509 = (
  pages: readonly { readonly path: string; readonly text: string }[],
): string[] =>
  pages.flatMap(({ path, text }) =>
    [...text.matchAll(/^```[\s\S]*?^```/gm)]
      .filter(([block]) => /\bnew\s+X509Certificate\b/.test(block))
      .map(({ index }) => `${path}:${text.slice(0, index).split('\n').length}: makes an X509Certificate`),
  )

/** 400 lines are too many; more than 250 want a reason in the file's first comment: `Longer than 250 lines because …`. */
export const filesAreShort: Rule = files =>
  files.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1
    if (lines > 400) return [`${path}: ${lines} lines, 400 at most`]
    const comment = /^(#!.*\n)?\s*(\/\*\*[\s\S]*?\*\/|(\/\/.*\n)+)/.exec(text)?.[0] ?? ''
    const hasReason = /\blong(?:er)?\b[^.]*\bbecause\b/i.test(comment)
    return lines > 250 && !hasReason
      ? [`${path}: ${lines} lines, and its first comment does not say why`]
      : []
  })

/** What runs first imports nothing that is a file, and has a listener for SIGUSR1 before it loads anything. */
export const mainListensFirst: Rule = files =>
  files
    .filter(({ path }) => path === 'core/main.ts')
    .flatMap(({ path, imports, text }) => {
      const loaded = imports
        .filter(
          ({ specifier, isTypeOnly, line }) =>
            !isTypeOnly && isStatic(text, line) && !/^node:/.test(specifier),
        )
        .map(({ line, specifier }) => `${path}:${line}: loads ${specifier} before its first line`)
      const listens = text.search(/\bprocess\.on\(signal\b/)
      const loads = text.search(/\bimport\(/)
      const isFirst = /\['SIGUSR1'/.test(text) && listens !== -1 && (loads === -1 || listens < loads)
      return isFirst ? loaded : [...loaded, `${path}: no listener for SIGUSR1 before the first import()`]
    })

const isStatic = (text: string, line: number): boolean => !/\bimport\(/.test(text.split('\n')[line - 1] ?? '')

const processBut = (name: string): RegExp =>
  new RegExp(String.raw`(?<![.\w$]|\bfunction\s|\bconst\s)process(?=\s*(\.(?!${name}\b)|\?\.|\[))`)

/** Only main and its commands read the command line and the environment; they pass values on to other parts. */
export const onlyMainUsesProcess: Rule = files =>
  files
    .filter(file => isCore(file) && !['core/main.ts', 'core/commands.ts'].includes(file.path))
    .flatMap(file => [
      ...matches(file, processBut(/path-search/.test(file.path) ? 'cpuUsage' : 'nextTick'), 'uses process'),
      ...matches(file, /\bglobalThis\.process\b/, 'uses process'),
      ...file.imports
        .filter(({ specifier, isTypeOnly }) => /^(node:)?process$/.test(specifier) && !isTypeOnly)
        .map(({ line }) => `${file.path}:${line}: imports process`),
    ])

/** A timer has nothing above it: base/timer.ts hands what it throws to the end of what it belongs to. */
export const timersAreContained: Rule = files =>
  files
    .filter(file => isCore(file) && file.path !== 'core/base/timer.ts')
    .flatMap(file => [
      ...matches(file, /(?<!\.|[\w$])set(?:Timeout|Interval)\b(?!\s+as\b)/, 'has a bare timer'),
      ...matches(
        file,
        /\bglobalThis\s*(?:\.|\[\s*['"`])set(?:Timeout|Interval)\b/,
        'has a bare timer',
        'uncommented',
      ),
      ...file.imports
        .filter(({ specifier }) => /^(node:)?timers$/.test(specifier))
        .map(({ line }) => `${file.path}:${line}: imports bare timers`),
    ])

/** Every error of core is a ProxyError; an error made for any other class has no code. */
export const errorsHaveCodes: Rule = files => {
  const own = new Set(['ProxyError'])
  const core = files.filter(isCore)
  for (let before = 0; before !== own.size; ) {
    before = own.size
    for (const { code } of core) {
      for (const [, name = '', base = ''] of code.matchAll(
        /\bclass\s+(\w+)(?:<[^>]*>)?\s+extends\s+(\w+)/g,
      )) {
        if (own.has(base)) own.add(name)
      }
    }
  }
  const foreign = new RegExp(`\\bthrow\\s+new\\s+(?!(?:${[...own].join('|')})\\b)\\w+`)
  return core.flatMap(file => [
    ...matches(file, foreign, 'an error without a code'),
    ...matches(
      file,
      /(?<!throw\s{1,9})\bnew\s+(Aggregate|Type|Range|Syntax|Eval|URI)?Error\s*\(/,
      'an error without a code',
    ),
    ...matches(file, /\bthrow\s+(['"`{[]|\d)/, 'throws what is no error'),
  ])
}

/** Messages are for people. The heuristic knows comparison, the string methods that ask, and regular expressions. */
export const noDecisionByMessage: Rule = files =>
  files
    .filter(isProgram)
    .flatMap(file => [
      ...matches(file, /\.message\s*(===|!==|==|!=)/, 'decides by a message'),
      ...matches(file, /(===|!==)\s*[\w.?]+\.message\b/, 'decides by a message'),
      ...matches(
        file,
        /\.message\s*\??\.(includes|match|matchAll|startsWith|endsWith|indexOf|search)\b/,
        'decides by a message',
      ),
      ...matches(file, /\.(test|exec)\(\s*[\w.?]+\.message\b/, 'decides by a message'),
      ...matches(file, /\bswitch\s*\(\s*[\w.?]+\.message\b/, 'decides by a message'),
    ])

/**
 * What was caught may be anything: only core/base/thrown.ts looks into it, and the brand of ProxyError. `cause` is the
 * name of what was caught; other names count where a `catch` binds them.
 */
export const caughtIsDescribed: Rule = files =>
  files
    .filter(file => isCore(file) && file.path !== 'core/base/thrown.ts')
    .flatMap(file => {
      const bound = [...file.code.matchAll(/\bcatch\s*\(\s*\(?(\w+)/g)].map(([, name = '']) => name)
      const names = [...new Set(['cause', 'err', 'thrown', ...bound])].join('|')
      const why = 'looks into what was caught; use describe, describeThrown, stackOf or ProxyError.textOf'
      return [
        ...matches(file, new RegExp(`(?<![.\\w])(${names})\\??\\.(message|stack|name|cause)\\b`), why),
        ...matches(file, new RegExp(`\\bString\\((${names}|error|reason)\\)`), why),
        ...matches(file, new RegExp(`\\$\\{(${names}|error)\\}`), why),
        ...matches(file, /\binstanceof\s+(Error|TypeError|SyntaxError|RangeError|DOMException)\b/, why),
        ...matches(file, /(?<!\bmessage)\??\.stack\b(?!\s*=[^=])/, why),
      ]
    })

export const nothingIsPatched: Rule = files =>
  files.filter(isProgram).flatMap(file => [
    ...matches(file, /\.prototype(\.\w+|\[[^\]]+\])\s*=(?!=)/, 'patches a prototype'),
    ...matches(
      file,
      /\b(Object\.(assign|definePropert(y|ies))|Reflect\.(set|defineProperty))\(\s*[\w.]+\.prototype\b/,
      'patches a prototype',
    ),
    // Signals for plugins and accepted sockets are of classes of our own, which Node offers no other way to make.
    ...(/^core\/(base\/contained-abort|vconn\/sockets)\.ts$/.test(file.path)
      ? []
      : matches(file, /\b(Object|Reflect)\.setPrototypeOf\(/, 'changes a prototype')),
    ...matches(file, /\.__proto__\b/, 'changes a prototype'),
    ...matches(file, /\bas\s+[^()=;]*\)(\.\w+|\[[^\]]+\])\s*=(?!=)/, "puts a property on another's object"),
  ])

export const typesAreChecked: Rule = files =>
  files.flatMap(file => [
    ...matches(file, /(:|\bas|<|,|\||&|=>)\s*any\b(?!\s*[:(?])/, 'any'),
    ...matches(file, /@ts-(ignore|nocheck|expect-error)\b/, 'switches the compiler off', 'text'),
    ...matches(file, /[\w)\]]!(?=[.;,)\]\n[(])/, 'asserts away null'),
  ])

/** Codes of the table that nothing in core makes. */
export function unusedCodes(files: readonly SourceFile[], codes: readonly string[]): string[] {
  const text = files
    .filter(file => isCore(file) && file.path !== 'core/base/error-table.ts')
    .map(file => file.uncommented)
    .join('\n')
  return codes.filter(code => !new RegExp(`['"\`]${code}['"\`]`).test(text))
}

/** Texts may be an attacker's, and a pattern of the operator's may take exponential time for one. */
export const patternsAreLiteral: Rule = files =>
  files
    .filter(isProgram)
    .flatMap(file =>
      matches(
        file,
        /\bRegExp\s*\(/,
        'makes a regular expression of a text; core/base/linear-pattern.ts does',
      ),
    )

/** Tap's root hooks run when the event loop is empty: an open server would hold the file until its timeout. */
export const testsEndThroughTheKit: Rule = files =>
  files
    .filter(({ path }) => path.startsWith('test/') && path !== 'test/kit/at-end.ts')
    .flatMap(file => [
      ...matches(
        file,
        /^import \{[^}]*\bafter\b[^}]*\} from 'tap'/m,
        'takes after from tap, not atEnd',
        'uncommented',
      ),
      ...matches(
        file,
        /\btest\([^\n]*\(\) =>[^\n]*\.(?:stop|remove)\(\)/,
        'a teardown, not a test: use atEnd',
      ),
      ...matches(file, /\btest\([^\n]*\(\) => \{\n +await [\w.]+\.(?:stop|remove)\(\)\n\}/, 'use atEnd'),
    ])
