/** A public folder, migrated: what became of each setting, and whether the folder that was written starts. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { UNDECIDED_FILE } from '../../../core/config/undecided.js'
import type { Outcome } from '../../../core/migrate/findings.js'
import { type Migrated, migrate } from '../../../core/migrate/migrate.js'
import { discard, makeGeneration } from '../../../core/program/generation.js'
import { openLastingParts } from '../../../core/program/lasting-parts.js'
import { readConfiguration } from '../../../core/settings/settings.js'
import { SHIPPED } from '../../kit/proxy.js'
import { makeTempDir } from '../../kit/temp-dir.js'

/** What must be among the findings; `exit` is the status of the command. */
export type Expected = { readonly exit: 0 | 1 } & { readonly [O in Outcome]?: readonly RegExp[] } & {
  /** What no finding may be about. */
  readonly none?: readonly RegExp[]
  /** What the files must say, by name; and what they must not. */
  readonly files?: Readonly<Record<string, RegExp>>
  readonly notInFiles?: RegExp
}

export const CASES = 'test/fixtures/configs'
const OUTCOMES: readonly Outcome[] = ['kept', 'changed', 'lost', 'mind', 'undecided', 'wrong']

export interface MigratedCase extends Migrated {
  readonly to: string
}

export function migrateCase(t: Test, name: string): MigratedCase {
  const temp = makeTempDir()
  t.teardown(temp.remove)
  const to = join(temp.path, 'to')
  const dir = join(temp.path, 'from')
  cpSync(resolve(CASES, name), dir, { recursive: true })
  elsewhere(join(dir, 'squid.conf'))
  return { ...migrate({ from: undefined, dir, to, shipped: shippedPlugins() }), to }
}

/** The files that it names must not be those of a Squid on this machine. */
function elsewhere(file: string): void {
  if (existsSync(file))
    writeFileSync(file, readFileSync(file, 'latin1').replaceAll('/etc/squid', '/nowhere/squid'), 'latin1')
}

export const shippedPlugins = (): ReadonlySet<string> =>
  new Set(SHIPPED.flatMap(dir => readdirSync(dir).map(file => file.replace(/\.js$/, ''))))

/** Reads the folder as a start does, plugins and certificates included; the error it ends with, or undefined. */
export async function readFolder(confDir: string): Promise<ProxyError | undefined> {
  const place = { confDir, env: {}, shippedDirs: SHIPPED, stripsTypes: false, print: () => undefined }
  try {
    const configuration = readConfiguration(place)
    discard(await makeGeneration(place, openLastingParts(place, configuration.settings), configuration))
    return undefined
  } catch (error) {
    if (error instanceof ProxyError) return error
    throw error
  }
}

export async function checkCase(t: Test, name: string, expected: Expected): Promise<void> {
  const { findings, isComplete, to, report } = migrateCase(t, name)
  const said = (outcome: Outcome): string =>
    findings
      .of(outcome)
      .map(({ where, what }) => `${where}: ${what}`)
      .join('\n')
  for (const outcome of OUTCOMES)
    for (const pattern of expected[outcome] ?? [])
      t.match(said(outcome), pattern, `${outcome}: ${pattern.source}`)
  for (const pattern of expected.none ?? []) t.notMatch(report, pattern, `nothing about ${pattern.source}`)
  t.equal(
    isComplete,
    expected.exit === 0,
    `exit status ${expected.exit}\n${said('undecided')}\n${said('wrong')}`,
  )
  const files = new Map(readdirSync(to).map(file => [file, readFileSync(join(to, file), 'utf8')]))
  for (const [file, pattern] of Object.entries(expected.files ?? {}))
    t.match(files.get(file) ?? '', pattern, `${file} says ${pattern.source}`)
  for (const [file, text] of files) {
    t.notMatch(text, /\r/, `${file} has no carriage return`)
    if (expected.notInFiles !== undefined) t.notMatch(text, expected.notInFiles, `${file} does not say it`)
  }
  const first = await readFolder(to)
  if (expected.exit === 0) t.equal(first, undefined, 'the folder starts')
  else await checkUndecided(t, to, first, said('wrong'))
}

/** The folder does not start; once a person has decided, it does, or says which file is missing. */
async function checkUndecided(
  t: Test,
  to: string,
  first: ProxyError | undefined,
  wrong: string,
): Promise<void> {
  t.match(first?.message, /undecided\.config:\d+: /, 'the folder does not start before a person has decided')
  rmSync(join(to, UNDECIDED_FILE))
  const then = await readFolder(to)
  if (then === undefined) return
  t.match(
    then.message,
    /cannot read|are not there|ENOENT/,
    'nothing is wrong with it but files that are missing',
  )
  if (/proxy_auth\.htpasswd/.test(then.message)) return // without a file of logins no client gets in
  t.match(wrong, /does not exist|no line names a certificate|placeholder/, 'which the report has said')
}

/** A folder for other tests. */
export function emptyFolder(t: Test): string {
  const temp = makeTempDir()
  t.teardown(temp.remove)
  const folder = join(temp.path, 'from')
  mkdirSync(folder)
  return folder
}
