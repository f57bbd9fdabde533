import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { onlyDependenciesAreLoaded } from './kit/dependencies.js'
import * as rules from './kit/imports.js'
import { coreNamesNoPlugin, pluginsKeepOutOfCore } from './kit/plugin-imports.js'
import { readSources, type SourceFile, source } from './kit/source.js'

const files = readSources('core', 'plugins', 'sample-plugins')

/** Text of one file, or of several by path. */
const bad = (examples: Readonly<Record<string, string>>): SourceFile[] =>
  Object.entries(examples).map(([path, text]) => source(path, text))

test('imports in core point downwards', async t => {
  t.strictSame(rules.importsPointDownwards(files), [])
  const imports = (from: string, text: string): string[] => rules.importsPointDownwards(bad({ [from]: text }))
  t.strictSame(imports('core/tls/x.ts', "import { a } from '../hooks/ask.js'\n"), [
    'core/tls/x.ts:1: tls may not import core/hooks/ask.ts',
  ])
  for (const to of ['hooks', 'plugin-host', 'http', 'config', 'origin']) {
    t.equal(
      imports('core/tls/x.ts', `import type { A } from '../${to}/a.js'`).length,
      1,
      `tls, not even types of ${to}`,
    )
    t.equal(
      imports('core/tls/openssl/x.ts', `import a from '../../${to}/a.js'`).length,
      1,
      'in a folder below',
    )
  }
  t.equal(imports('core/tls/x.ts', "export * from '../http/a.js'").length, 1, 'a re-export')
  t.equal(imports('core/tls/x.ts', "const a = await import('../http/a.js')").length, 1, 'a dynamic import')
  t.equal(
    imports('core/tls/x.ts', "import {\n  a,\n  b,\n} from '../http/a.js'").length,
    1,
    'over several lines',
  )
  t.equal(imports('core/tls/x.ts', "import '../http/a.js'").length, 1, 'for its effects')
  t.equal(
    imports('core/tls/x.ts', "// import '../http/a.js'\nconst a = \"import '../http/a.js'\"").length,
    0,
    'no comment',
  )
  t.equal(
    imports('core/http/x.ts', "import type { R } from '../config/a.js'").length,
    0,
    'what is given may be named',
  )
  t.equal(imports('core/http/x.ts', "import { R } from '../config/a.js'").length, 1, 'but not fetched')
  t.equal(
    imports('core/http/x.ts', "import a from '../program/proxy.js'").length,
    1,
    'not upwards to the root',
  )
  t.equal(imports('core/http/x.ts', "import a from '../../plugins/a.js'").length, 1, 'not out of core')
  t.equal(imports('core/fresh/x.ts', '').length, 1, 'a new folder needs a place in the table')
})

test('hooks and plugin-host touch no socket', async t => {
  t.strictSame(rules.hooksAndPluginHostTouchNoSocket(files), [])
  const example = bad({
    'core/hooks/a.ts': "import { connect } from 'node:net'",
    'core/plugin-host/a.ts': "import http from 'node:http'",
    'core/vconn/a.ts': "import { connect } from 'node:net'",
  })
  t.equal(rules.hooksAndPluginHostTouchNoSocket(example).length, 2)
})

test('all TLS is the engine’s, and only the engine is native', async t => {
  t.strictSame(rules.coreMakesNoHandshakeWithNode(files), [])
  t.strictSame(rules.onlyTheEngineIsNative(files), [])
  t.equal(
    rules.coreMakesNoHandshakeWithNode(bad({ 'core/a/a.ts': "import { connect } from 'node:tls'" })).length,
    1,
  )
  t.equal(
    rules.coreMakesNoHandshakeWithNode(bad({ 'core/a/a.ts': "import { rootCertificates } from 'node:tls'" }))
      .length,
    0,
  )
  t.equal(rules.onlyTheEngineIsNative(bad({ 'core/tls/a.ts': "import koffi from 'koffi'" })).length, 1)
  t.equal(
    rules.onlyTheEngineIsNative(bad({ 'core/tls/openssl/a.ts': "import koffi from 'koffi'" })).length,
    0,
  )
})

test('what is published loads its dependencies alone', async t => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const rule = onlyDependenciesAreLoaded(Object.keys(dependencies))
  t.strictSame(rule(files), [])
  const count = (text: string): number => rule(bad({ 'core/a/a.ts': text })).length
  t.equal(count("import koffi from 'koffi'"), 1)
  t.equal(count("const { a } = await import('@biomejs/biome/a.js')"), 1)
  t.equal(count("import type koffi from 'koffi'"), 0)
  t.equal(count("import { parse } from 'yaml'\nimport 'node:fs'\nimport '@peculiar/x509'"), 0)
})

test('only core/origin/names resolves names', async t => {
  t.strictSame(rules.onlyNamesResolve(files), [])
  const count = (text: string, path = 'core/http/a.ts'): number =>
    rules.onlyNamesResolve(bad({ [path]: text })).length
  t.equal(count("import { lookup } from 'node:dns'"), 1)
  t.equal(count("import { resolve4 } from 'node:dns/promises'"), 1)
  t.equal(count("import { type Socket, connect } from 'node:net'"), 1)
  t.equal(count("import * as net from 'node:net'"), 1)
  t.equal(count("import { createServer, isIP, type Socket } from 'node:net'"), 0)
  t.equal(count("import type { Socket } from 'node:net'"), 0)
  t.equal(count("import { lookup } from 'node:dns'", 'core/origin/names/a.ts'), 0)
  t.equal(count("import { connect } from 'node:net'", 'core/origin/happy-eyeballs.ts'), 0)
  const socket = "import { LastWordsSocket } from '../vconn/sockets.js'"
  t.strictSame([count(socket), count(socket, 'core/origin/happy-eyeballs.ts')], [1, 0])
  t.equal(count("import { readToEnd } from '../vconn/sockets.js'"), 0)
})

test('raw records are read in core/config and core/settings alone', async t => {
  t.strictSame(rules.onlySettingsReadRecords(files), [])
  const count = (text: string, path = 'core/program/a.ts'): number =>
    rules.onlySettingsReadRecords(bad({ [path]: text })).length
  t.equal(count("import type { Records } from '../config/records-table.js'"), 1)
  t.equal(count("import {\n  RECORDS,\n  type Records,\n} from '../config/records-table.js'"), 1)
  t.equal(count("import { loadRecords } from '../config/records.js'", 'core/testing/a.ts'), 1)
  t.equal(count("const a = records['proxy.config.proxy_name']"), 1)
  t.equal(count("import { RECORDS } from '../config/records-table.js'"), 0, 'the table of all records')
  t.equal(count("import type { Records } from '../config/records-table.js'", 'core/settings/a.ts'), 0)
})

test('plugins keep out of core, and core names no plugin', async t => {
  t.strictSame(pluginsKeepOutOfCore(files), [])
  t.strictSame(coreNamesNoPlugin(files), [])
  for (const [specifier, count] of Object.entries({
    '../core/tls/judge/verdict.js': 1,
    '../core/api/index.js': 1,
    'portcullis/core': 1,
    'portcullis/plugin': 0,
    'node:fs': 0,
    redis: 0,
    './beside.js': 0,
    '../plugins/other.js': 1,
  })) {
    const example = bad({ 'sample-plugins/a.ts': `import type { A } from '${specifier}'` })
    t.equal(pluginsKeepOutOfCore(example).length, count, specifier)
  }
  for (const [text, count] of Object.entries({
    "const p = 'pin-store'": 1,
    "const p = 'plugins/pin-store.js'": 1,
    "const p = 'a pin-store-like thing'": 0,
    '// pin-store': 0,
  })) {
    t.equal(coreNamesNoPlugin(bad({ 'plugins/pin-store.ts': '', 'core/a/a.ts': text })).length, count, text)
  }
})

test('a plugin with the name of a word of core counts as a file', async t => {
  for (const [text, count] of Object.entries({
    "const p = 'policy'": 0,
    "const p = 'plugins/policy'": 1,
    "const p = 'policy.js'": 1,
    "import type { P } from './policy.js'": 0,
  })) {
    const example = bad({ 'plugins/policy.ts': '', 'core/a/a.ts': text })
    t.equal(coreNamesNoPlugin(example).length, count, text)
  }
})

test('there is one barrel', async t => {
  t.strictSame(rules.onlyTheApiIsABarrel(files), [])
  const isBarrel = (path: string, text: string): boolean =>
    rules.onlyTheApiIsABarrel(bad({ [path]: text })).length > 0
  t.ok(isBarrel('core/tls/all.ts', "export { a } from './a.js'\nexport type { B } from './b.js'\n"))
  t.ok(isBarrel('core/tls/all.ts', "export * from './a.js'\nexport const b = 1\n"))
  t.ok(isBarrel('core/tls/index.ts', 'export const b = 1\n'))
  t.notOk(isBarrel('core/tls/a.ts', "export type { B } from './b.js'\nexport const b = 1\n"))
  t.notOk(isBarrel('core/api/index.ts', "export { a } from './a.js'\n"))
})

test('imports make no cycle', async t => {
  t.strictSame(rules.noImportCycles(files), [])
  const example = bad({
    'core/a/a.ts': "import { b } from './b.js'",
    'core/a/b.ts': "import type { C } from '../c/c.js'",
    'core/c/c.ts': "import { a } from '../a/a.js'",
  })
  t.strictSame(rules.noImportCycles(example), [
    'core/a/a.ts -> core/a/b.ts -> core/c/c.ts -> core/a/a.ts: an import cycle',
  ])
})

test('what is no test does not load tap, which would end it after its time limit', async t => {
  const ofTests = readSources('core', 'plugins', 'sample-plugins', 'test')
  const mains = ofTests
    .map(({ path }) => path)
    .filter(path => /^test\/(bench|kit\/demo|kit\/run-tests\.ts)/.test(path) && !path.endsWith('.test.ts'))
  t.ok(mains.length > 20)
  for (const main of mains) t.strictSame(rules.loadersOf('tap', main, ofTests), [], main)
  const example = bad({ 'test/a.ts': "import './b.js'", 'test/b.ts': "import { t } from 'tap'" })
  t.strictSame(rules.loadersOf('tap', 'test/a.ts', example), ['test/b.ts'])
  const types = bad({
    'test/a.ts': "import type { Test } from 'tap'\nif (x) await import('./b.js')",
    'test/b.ts': "import 'tap'",
  })
  t.strictSame(rules.loadersOf('tap', 'test/a.ts', types), [], 'types, and what is loaded later, are not')
})
