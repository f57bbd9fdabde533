import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ERRORS } from '../../core/base/error-table.js'
import * as rules from './kit/code.js'
import { reloadIsOneWay } from './kit/reload.js'
import { ROOT, type Rule, readSources, source } from './kit/source.js'

const program = readSources('core', 'plugins', 'sample-plugins')
const everything = [...program, ...readSources('test')]

/** How often a rule complains about a text. */
const count = (rule: Rule, text: string, path = 'core/http/a.ts'): number => rule([source(path, text)]).length

test('only the verdict makes a VerifiedPeer', async t => {
  t.strictSame(rules.onlyVerdictMakesVerifiedPeers(program), [])
  const text = 'const peer = { evidence } as unknown as VerifiedPeer'
  t.equal(count(rules.onlyVerdictMakesVerifiedPeers, text), 1)
  t.equal(count(rules.onlyVerdictMakesVerifiedPeers, text, 'core/tls/judge/verdict.ts'), 0)
})

test('one function decides about a tunnel', async t => {
  t.strictSame(rules.onlyOneJudgesTunnels(program), [])
  for (const text of ['const mode = rules.modeOf(host)', 'hosts.map(rules.modeOf)', 'rules.modeOfAddress(a)'])
    t.equal(count(rules.onlyOneJudgesTunnels, text), 1, text)
  t.equal(count(rules.onlyOneJudgesTunnels, 'rules.modeOf(host)', 'core/http/connect/tunnel-judgement.ts'), 0)
})

test('one function reads hosts', async t => {
  t.strictSame(rules.onlyOneReadsHosts(program), [])
  t.equal(count(rules.onlyOneReadsHosts, "import { domainToASCII } from 'node:url'"), 1)
  t.equal(count(rules.onlyOneReadsHosts, 'domainToASCII(name)', 'core/base/host.ts'), 0)
})

test('one function makes an X509Certificate', async t => {
  t.strictSame(rules.onlyOneMakesX509(program), [])
  for (const text of [
    'const a = new X509Certificate(der)',
    'const a = new crypto.X509Certificate(der)',
    "import { createHash, X509Certificate } from 'node:crypto'",
    "import { X509Certificate as Parsed } from 'node:crypto'",
    "const { X509Certificate: Parsed } = await import('node:crypto')",
    'Reflect.construct(crypto.X509Certificate, [der])',
    "crypto['X509Certificate']",
  ])
    for (const path of ['core/tls/a.ts', 'core/testing/a.ts', 'plugins/a.ts', 'sample-plugins/a.ts'])
      t.ok(count(rules.onlyOneMakesX509, text, path) > 0, `${path}: ${text}`)
  for (const text of [
    "import type { X509Certificate } from 'node:crypto'",
    "import { createHash, type X509Certificate } from 'node:crypto'",
    'const a = (x: X509Certificate): X509Certificate => x',
    '// new X509Certificate(der)',
  ])
    t.equal(count(rules.onlyOneMakesX509, text), 0, text)
  t.equal(count(rules.onlyOneMakesX509, 'new X509Certificate(pem)', 'core/base/x509.ts'), 0)
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => ({ path: `docs/${name}`, text: readFileSync(join(ROOT, 'docs', name), 'utf8') }))
  t.ok(pages.length > 5)
  t.strictSame(rules.noPageMakesX509(pages), [])
  const taught = '# x\n```js\nconst a = new X509Certificate(der)\n```\n'
  t.strictSame(rules.noPageMakesX509([{ path: 'a.md', text: taught }]), ['a.md:2: makes an X509Certificate'])
})

test('files are short', async t => {
  t.strictSame(rules.filesAreShort(everything), [])
  t.equal(count(rules.filesAreShort, 'x\n'.repeat(401)), 1)
  t.equal(count(rules.filesAreShort, 'x\n'.repeat(251)), 1)
  t.equal(count(rules.filesAreShort, 'x\n'.repeat(250)), 0)
  t.equal(
    count(rules.filesAreShort, `/** This file is long because it is a table. */\n${'x\n'.repeat(300)}`),
    0,
  )
  t.equal(count(rules.filesAreShort, `/** A long table. */\n${'x\n'.repeat(300)}`), 1, 'no reason')
  t.equal(
    count(rules.filesAreShort, `/** Long because it is a table. */\n${'x\n'.repeat(400)}`),
    1,
    'too long',
  )
})

test('test files free what they share through the kit', async t => {
  t.strictSame(rules.testsEndThroughTheKit(everything), [])
  for (const text of [
    "import { after, test } from 'tap'",
    "test('its files are gone', async () => dir.remove())",
  ])
    t.equal(count(rules.testsEndThroughTheKit, text, 'test/flow/a.test.ts'), 1, text)
  t.equal(count(rules.testsEndThroughTheKit, "test('a is b', async t => {", 'test/flow/a.test.ts'), 0)
})

test('a signal opens no inspector: main listens before it loads anything', async t => {
  t.strictSame(rules.mainListensFirst(program), [])
  const first = "for (const signal of ['SIGUSR1']) process.on(signal, nothing)\n"
  const load = "const { run } = await import('./commands.js')\n"
  t.equal(count(rules.mainListensFirst, first + load, 'core/main.ts'), 0)
  t.equal(count(rules.mainListensFirst, load + first, 'core/main.ts'), 1)
  t.equal(count(rules.mainListensFirst, load, 'core/main.ts'), 1)
  t.equal(count(rules.mainListensFirst, `import { run } from './commands.js'\n${first}`, 'core/main.ts'), 1)
  t.equal(count(rules.mainListensFirst, `import process from 'node:process'\n${first}`, 'core/main.ts'), 0)
})

test('only main uses process', async t => {
  t.strictSame(rules.onlyMainUsesProcess(program), [])
  t.equal(count(rules.onlyMainUsesProcess, 'const a = process.env'), 1)
  t.equal(count(rules.onlyMainUsesProcess, "const a = process['env']"), 1)
  t.equal(count(rules.onlyMainUsesProcess, 'const a = globalThis.process.env'), 1)
  t.equal(count(rules.onlyMainUsesProcess, "import { env } from 'node:process'"), 1)
  t.equal(count(rules.onlyMainUsesProcess, 'const a = process.env', 'core/main.ts'), 0)
  t.equal(
    count(rules.onlyMainUsesProcess, 'process.nextTick(go)'),
    0,
    'which is about the loop, not the process',
  )
  t.equal(count(rules.onlyMainUsesProcess, '// process.env\nconst a = worker.process.pid'), 0)
})

test('errors have codes', async t => {
  t.strictSame(rules.errorsHaveCodes(program), [])
  for (const text of [
    "throw new Error('x')",
    "throw new TypeError('x')",
    "reject(new Error('x'))",
    "class Own extends Error {}\nthrow new Own('x')",
    "throw 'x'",
  ]) {
    t.equal(count(rules.errorsHaveCodes, text), 1, text)
  }
  t.equal(count(rules.errorsHaveCodes, "throw new ProxyError('PTC_INTERNAL', 'x')"), 0)
  const family =
    'class Child extends ProxyError {}\nclass Grandchild extends Child {}\nthrow new Grandchild()'
  t.equal(count(rules.errorsHaveCodes, family), 0, 'a descendant of ProxyError will do')
})

test('every code of the table is used', async t => {
  t.strictSame(rules.unusedCodes(program, Object.keys(ERRORS)), [])
  t.strictSame(rules.unusedCodes([source('core/a/a.ts', "'PTC_A' // 'PTC_B'")], ['PTC_A', 'PTC_B']), [
    'PTC_B',
  ])
})

test('nothing is decided by a message', async t => {
  t.strictSame(rules.noDecisionByMessage(program), [])
  for (const text of [
    "if (e.message === 'x') a()",
    "if ('x' === e.message) a()",
    "if (e.message.includes('x')) a()",
    "if (e?.message?.startsWith('x')) a()",
    'if (/x/.test(e.message)) a()',
    'switch (e.message) {}',
  ]) {
    t.equal(count(rules.noDecisionByMessage, text), 1, text)
  }
  t.equal(count(rules.noDecisionByMessage, 'log(e.message)\nconst a = { message: e.message }'), 0)
})

test('regular expressions are literals, or linear', async t => {
  t.strictSame(rules.patternsAreLiteral(program), [])
  t.equal(count(rules.patternsAreLiteral, 'const a = new RegExp(source)'), 1)
  t.equal(count(rules.patternsAreLiteral, 'const a = RegExp (source)'), 1)
  t.equal(count(rules.patternsAreLiteral, 'const a = (b: RegExp) => /c/.test(d)'), 0)
})

test('caught values are described by one function', async t => {
  t.strictSame(rules.caughtIsDescribed(program), [])
  for (const text of [
    'log(cause.message)',
    'log(cause?.message)',
    'try { a() } catch (problem) { log(problem.message) }',
    'a().catch(problem => log(problem.message))',
    'log(String(cause))',
    'log(String(error))',
    'log(`failed: \x24{cause}`)',
    'if (cause instanceof Error) a()',
    'log(a.stack)',
  ]) {
    t.equal(count(rules.caughtIsDescribed, text), 1, text)
  }
  t.equal(count(rules.caughtIsDescribed, 'log(describe(cause), why.message, this.cause.code)'), 0)
})

test('nothing is patched', async t => {
  t.strictSame(rules.nothingIsPatched(program), [])
  for (const text of [
    'Socket.prototype.end = () => {}',
    "Socket.prototype['end'] = () => {}",
    "Object.defineProperty(Socket.prototype, 'end', {})",
    'Object.assign(net.Socket.prototype, {})',
    'Object.setPrototypeOf(a, b)',
    'a.__proto__ = b',
    '(socket as unknown as Marked).mark = 1',
    '(socket as Marked)[mark] = 1',
  ]) {
    t.equal(count(rules.nothingIsPatched, text), 1, text)
  }
  t.equal(
    count(rules.nothingIsPatched, 'const is = (a as B).c === 1 && Object.prototype.toString.call(a)'),
    0,
  )
})

test('types are checked everywhere', async t => {
  t.strictSame(rules.typesAreChecked(everything.filter(({ path }) => path !== 'test/rules/code.test.ts')), [])
  for (const text of [
    'const a: any = 1',
    'const a = b as any',
    'const a: Map<string, any> = b',
    '// @ts-ignore',
    '// @ts-expect-error',
    'const a = b!.c',
    'a(b!)',
  ]) {
    t.equal(count(rules.typesAreChecked, text), 1, text)
  }
  t.equal(count(rules.typesAreChecked, '// any: any\nconst any = !b && Promise.any(c) !== d'), 0)
})

test('sources are divided into code, comments and strings', async t => {
  const { code, uncommented } = source(
    'a.ts',
    "a('x // y') // z\nb(/['/]/, `p \x24{q('r')} s`) /* t */ / 2\n",
  )
  t.equal(uncommented, "a('x // y')     \nb(/['/]/, `p \x24{q('r')} s`)         / 2\n")
  t.equal(code, "a('      ')     \nb(/    /, `  \x24{q(' ')}  `)         / 2\n")
})

test('a reload changes values in one way', async t => {
  t.strictSame(reloadIsOneWay(program), [])
  const text = (body: string): string => `class A {\n  constructor(a: Current<B>) {\n    ${body}\n  }\n}\n`
  t.equal(count(reloadIsOneWay, text('this.#b = a().b')), 1)
  t.equal(count(reloadIsOneWay, text('const { b } = a()')), 1)
  t.equal(count(reloadIsOneWay, text('this.#b = () => a().b')), 0)
  t.equal(count(reloadIsOneWay, text('this.#a = a')), 0)
  t.equal(count(reloadIsOneWay, 'f({\n    get a() {\n      return b\n    },\n})', 'core/program/a.ts'), 1)
})
