/** Rules about imports between parts. */
import type { Rule, SourceFile, Violation } from './source.js'

/**
 * The direction of imports below `core/` (docs/architecture.md): main -> {program, cli} -> {admin, http} -> origin ->
 * tls -> {wait, vconn} -> api; plugin-host -> hooks -> api; base under all. `types` may be imported as types only: code
 * that is handed a value may name its type.
 */
const BELOW_PROGRAM = [
  'admin',
  'log',
  'http',
  'origin',
  'http2',
  'http1',
  'tls',
  'wait',
  'vconn',
  'plugin-host',
  'hooks',
  'settings',
  'config',
  'api',
  'base',
]

export const MAY_IMPORT: Readonly<Record<string, { values: readonly string[]; types?: readonly string[] }>> =
  {
    base: { values: [] },
    api: { values: ['base'] },
    x509: { values: ['base'], types: ['api'] },
    config: { values: ['base'], types: ['api'] },
    settings: { values: ['config', 'base'], types: ['api'] },
    wait: { values: ['api', 'base'] },
    vconn: { values: ['api', 'base'] },
    http1: { values: ['base'], types: ['vconn'] },
    /** Values of http1: the checks of what is forwarded. */
    http2: { values: ['http1', 'base'], types: ['vconn'] },
    tls: { values: ['wait', 'vconn', 'api', 'base'] },
    origin: { values: ['http2', 'http1', 'tls', 'vconn', 'api', 'base'], types: ['config', 'settings'] },
    hooks: { values: ['api', 'base'] },
    'plugin-host': { values: ['hooks', 'wait', 'api', 'base'], types: ['config'] },
    http: {
      values: ['origin', 'http2', 'http1', 'tls', 'wait', 'vconn', 'api', 'base'],
      types: ['config', 'settings'],
    },
    log: { values: ['tls', 'api', 'base'], types: ['http', 'http1', 'origin', 'config'] },
    admin: { values: ['origin', 'tls', 'wait', 'vconn', 'api', 'base'], types: ['config', 'settings'] },
    /** Reads files of other proxies, and writes ours: text in, text out. */
    migrate: { values: ['config', 'base'] },
    /** The composition root. */
    program: { values: BELOW_PROGRAM },
    /** Several processes, each of which is one proxy. */
    cluster: {
      values: ['program', 'plugin-host', 'base'],
      types: ['admin', 'api', 'log', 'origin', 'settings', 'tls', 'wait'],
    },
    /** What plugin authors test with (`portcullis/testing`). */
    testing: { values: ['program', ...BELOW_PROGRAM.filter(part => !/^(?:admin|log|http.?)$/.test(part))] },
    /** Commands that start no proxy. */
    cli: {
      values: ['program', 'migrate', 'origin', 'settings', 'config', 'tls', 'api', 'base'],
      types: ['admin', 'wait', 'vconn'],
    },
    'commands.ts': { values: ['cluster', 'program', 'cli', ...BELOW_PROGRAM] },
    /** What runs first listens for a signal before it loads anything. */
    'main.ts': { values: ['commands.ts', 'base'] },
  }

/** `tls` for core/tls/openssl/x509.ts, `main.ts` for core/main.ts. */
const partOf = (path: string): string => path.split('/')[1] ?? ''

export const importsPointDownwards: Rule = files =>
  core(files).flatMap(file => {
    const from = partOf(file.path)
    const may = MAY_IMPORT[from]
    if (may === undefined) return [`${file.path}: core/${from} is not in the table of directions`]
    return file.imports.flatMap(({ file: to, isTypeOnly, line }) => {
      if (to === undefined || (to.startsWith('core/') && partOf(to) === from)) return []
      if (!to.startsWith('core/')) return [`${file.path}:${line}: core may not import ${to}`]
      const isAllowed = may.values.includes(partOf(to)) || (isTypeOnly && may.types?.includes(partOf(to)))
      return isAllowed ? [] : [`${file.path}:${line}: ${from} may not import ${to}`]
    })
  })

/** What gives raw records, by the file that exports it. */
const RAW_RECORDS: Readonly<Record<string, RegExp>> = {
  'core/config/records-table.ts': /\bRecords\b/,
  'core/config/records.ts': /./,
  'core/config/record-place.ts': /./,
  'core/config/fixed-records.ts': /./,
}

/**
 * Outside of core/config and core/settings there are settings only: typed, in milliseconds and bytes, parsed once. core/migrate
 * writes records, and reads none that are in force.
 */
export const onlySettingsReadRecords: Rule = files =>
  core(files)
    .filter(({ path }) => !/^core\/(config|settings|migrate)\//.test(path))
    .flatMap(file => [
      ...file.imports.flatMap(({ file: to = '', specifier, line }) => {
        const raw = RAW_RECORDS[to]
        return raw?.test(namesFrom(file, specifier))
          ? [`${file.path}:${line}: raw records are read in core/config and core/settings`]
          : []
      }),
      ...(/\brecords\[/.test(file.code)
        ? [`${file.path}: a raw record is read here; read it in core/settings`]
        : []),
    ])

/** The names that a file imports from a module, as written. */
const namesFrom = ({ uncommented }: SourceFile, specifier: string): string =>
  uncommented
    .split(/^(?=import\b|export\b)/m)
    .filter(part => part.includes(`'${specifier}'`))
    .join()

const SOCKETS = new Set(['net', 'tls', 'http', 'https', 'http2', 'dgram'].map(name => `node:${name}`))

export const hooksAndPluginHostTouchNoSocket: Rule = files =>
  forbid(
    files.filter(({ path }) => /^core\/(hooks|plugin-host)\//.test(path)),
    specifier => SOCKETS.has(specifier) || specifier === 'undici',
  )

const RESOLVERS = /\b(?:connect|createConnection|Socket)\b/

/**
 * Names are resolved in core/origin/names/ and dialled in core/origin/happy-eyeballs.ts, with a bound and a guard. The client of the
 * management socket connects to a file.
 */
export const onlyNamesResolve: Rule = files =>
  core(files).flatMap(file =>
    file.imports
      .filter(({ file: to, specifier, isTypeOnly, line }) => {
        if (isTypeOnly || file.path.startsWith('core/origin/names/')) return false
        if (to === SOCKETS_OF_LINKS && /\bLastWordsSocket\b/.test(namesFrom(file, specifier)))
          return file.path !== 'core/origin/happy-eyeballs.ts'
        if (specifier === 'node:dns' || specifier === 'node:dns/promises' || specifier === 'node:dgram')
          return true
        if (specifier !== 'node:net' || MAY_CONNECT.has(file.path)) return false
        const imported = (file.text.split('\n')[line - 1] ?? '').replace(/\btype \w+/g, '')
        return RESOLVERS.test(imported) || !/\{/.test(imported)
      })
      .map(
        ({ line, specifier }) =>
          `${file.path}:${line}: names are resolved by core/origin/names, not by ${specifier}`,
      ),
  )

/** Has the class of the sockets of origins: `happy-eyeballs` alone makes them, with addresses that are known. */
const SOCKETS_OF_LINKS = 'core/vconn/sockets.ts'
const MAY_CONNECT: ReadonlySet<string> = new Set([
  'core/origin/happy-eyeballs.ts',
  SOCKETS_OF_LINKS, // the class itself
  'core/admin/socket-file.ts',
])

/** Operators are no clients of the proxy, and the proxy is no origin of theirs: the management port and `ctl` speak Node's TLS. */
const OPERATORS: ReadonlySet<string> = new Set(['core/admin/secure-server.ts', 'core/cli/ctl-port.ts'])

/**
 * `node:tls` may be asked for the root certificates it carries, by a named import of that list alone.
 */
export const coreMakesNoHandshakeWithNode: Rule = files =>
  core(files.filter(({ path }) => !OPERATORS.has(path))).flatMap(file =>
    file.imports
      .filter(
        ({ specifier, isTypeOnly }) =>
          (specifier === 'node:tls' || specifier === 'node:https') && !isTypeOnly,
      )
      .filter(
        ({ line }) => !/^import \{ rootCertificates \} from/.test(file.text.split('\n')[line - 1] ?? ''),
      )
      .map(
        ({ line, specifier }) =>
          `${file.path}:${line}: TLS is the engine's business, not that of ${specifier}`,
      ),
  )

export const onlyTheEngineIsNative: Rule = files =>
  forbid(
    core(files).filter(({ path }) => !path.startsWith('core/tls/openssl/')),
    specifier => specifier === 'koffi' || specifier.startsWith('koffi/'),
  )

/** A barrel gathers what others export. There is one: what a plugin may import. */
export const onlyTheApiIsABarrel: Rule = files =>
  core(files)
    .filter(({ path }) => path !== 'core/api/index.ts')
    .flatMap(file => {
      const reexports = file.imports.filter(({ isReexport }) => isReexport).length
      const star = /^\s*export\s+\*/m.test(file.code)
      const own =
        /^\s*(export\s+)?(async\s+)?(abstract\s+)?(const|let|function|class|interface|type\s+\w+.*=|enum)\b/m
      const isBarrel = star || (reexports > 0 && !own.test(file.code)) || /\/index\.ts$/.test(file.path)
      return isBarrel ? [`${file.path}: a barrel file`] : []
    })

/** Types count as well: a cycle of types is still two files that cannot be read one after the other. */
export const noImportCycles: Rule = files => {
  const known = new Map(files.map(file => [file.path, file]))
  const done = new Set<string>()
  const found: Violation[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) found.push(`${[...trail.slice(start), path].join(' -> ')}: an import cycle`)
    if (start >= 0 || done.has(path)) return
    for (const { file } of known.get(path)?.imports ?? [])
      if (file !== undefined) visit(file, [...trail, path])
    done.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}

function core(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(({ path }) => path.startsWith('core/'))
}

function forbid(files: readonly SourceFile[], isForbidden: (specifier: string) => boolean): Violation[] {
  return files.flatMap(file =>
    file.imports
      .filter(({ specifier, isTypeOnly }) => isForbidden(specifier) && !isTypeOnly)
      .map(({ specifier, line }) => `${file.path}:${line}: may not import ${specifier}`),
  )
}

/** The files that load a package, of those that a program loads with its start. */
export function loadersOf(specifier: string, main: string, files: readonly SourceFile[]): readonly string[] {
  const byPath = new Map(files.map(file => [file.path, file]))
  const reached = new Set([main])
  const loads = (path: string) =>
    (byPath.get(path)?.imports ?? []).filter(({ isTypeOnly, isDynamic = false }) => !isTypeOnly && !isDynamic)
  // A set that grows while it is walked is walked to its end.
  for (const path of reached) for (const { file } of loads(path)) if (file !== undefined) reached.add(file)
  return [...reached].filter(path => loads(path).some(found => found.specifier === specifier))
}
