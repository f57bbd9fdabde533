/** Runs the file of tests that its argument names, which finds the arguments as if it had been started itself. */
import { load } from './load.js'

process.argv.splice(1, 1)
await load(process.argv[1] ?? '')
