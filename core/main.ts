#!/usr/bin/env node
/**
 * The first thing that runs, before anything of the program is loaded. Without a listener for
 * SIGUSR1, that signal opens Node's inspector, through which code can be run; without one for SIGUSR2, that signal ends
 * the process. Both ask for log files to be opened anew, and no log file is open yet. This file imports only parts of
 * Node: files take time to load, and all that a module imports is loaded before its first line runs.
 */
import process from 'node:process'

for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined)

const { closeUnasked } = await import('./base/inspector.js')
await closeUnasked(process.execArgv, process.env['NODE_OPTIONS'])
const { run } = await import('./commands.js')
await run(process.argv.slice(2))
