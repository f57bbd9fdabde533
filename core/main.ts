#!/usr/bin/env node
/**
 * The first thing that runs, before anything of the program is loaded. Node opens its inspector on SIGUSR1, with which
 * whoever reaches it runs code, unless there is a listener; and SIGUSR2 ends a process that has none. Both ask for
 * log files to be opened anew, and none are open yet. This file imports nothing but parts of Node: files take time to
 * load, and all that a module imports is loaded before its first line runs.
 */
import process from 'node:process'

for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined)

const { closeUnasked } = await import('./base/inspector.js')
await closeUnasked(process.execArgv, process.env['NODE_OPTIONS'])
const { run } = await import('./commands.js')
await run(process.argv.slice(2))
