import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from './child.js'
import { isKnownProgram } from './program-table.js'
import { requireProgram } from './programs.js'
import { MAIN, PLAIN_ENV } from './proxy.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** What `npm install` makes of a plugin's project, without a registry: links to what is here. */
export function linkPackages(folder: string): void {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  symlinkSync(ROOT, join(modules, 'portcullis'))
  for (const name of ['typescript', '@types'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  program(join(modules, '.bin/portcullis'), MAIN)
  program(join(modules, '.bin/tsc'), join(ROOT, 'node_modules/typescript/bin/tsc'))
}

function program(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`)
  chmodSync(file, 0o755)
}

/**
 * Runs a command of a shell, with the Node that runs the test. The test runner puts its loaders into the options of
 * every child, whatever its environment says: they are taken out again.
 */
export function runShell(command: string, cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Child> {
  for (const [, name = ''] of command.matchAll(/(?:^|[|;&])\s*([\w-]+)/g))
    if (isKnownProgram(name)) requireProgram(name)
  const PATH = `${join(process.execPath, '..')}:${PLAIN_ENV['PATH']}`
  return startChild('sh', ['-c', `unset NODE_OPTIONS; ${command}`], {
    cwd,
    env: { ...PLAIN_ENV, PATH, ...env },
  })
}
