/**
 * Asks a program: it reads JSON on its stdin, prints a verdict in JSON, and ends.
 *
 *     exec "cmd=/opt/verify/check.py --strict" timeout=5000
 *
 * What it reads and prints, and what exec cannot know: docs/plugins/exec.md.
 */
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { run } from './exec/run.js'
import { CMD_OPTION, parseCommandLine } from './programs/command-line.js'
import { parseAnswer } from './questions/answer.js'
import { FewAtATime } from './questions/few-at-a-time.js'
import { questionOf } from './questions/question.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    cmd: CMD_OPTION,
    timeout: { type: 'integer', minimum: 1, default: 10_000, description: 'Milliseconds for one run.' },
    concurrency: { type: 'integer', minimum: 1, maximum: 1000, default: 8, description: 'Runs at a time.' },
    client: {
      type: 'boolean',
      default: false,
      description:
        'Whether the program is told about the client; its acceptance is then for that client alone.',
    },
    overrule: {
      type: 'boolean',
      default: false,
      description:
        'Whether it is asked about chains that failed the built-in check, which its acceptance then overrules.',
    },
  },
  required: ['cmd'],
} as const satisfies OptionsSchema

/** Handshakes that wait for a run. */
const MAX_WAITING = 1000
/** Bytes of a verdict. */
const MAX_OUTPUT = 65_536
/** What the program gets of the proxy's environment. */
const PASSED = ['PATH', 'HOME', 'LANG', 'TZ']

const init: PluginInit<OptionsOf<typeof optionsSchema>> = context => {
  const { options, confDir, hookAdd, reject, error, note } = context
  const { cmd, timeout, concurrency, client, overrule } = options
  const env = Object.fromEntries(
    PASSED.flatMap(name => (name in process.env ? [[name, process.env[name]]] : [])),
  )
  const command = parseCommandLine(cmd, confDir)
  const terms = { command, cwd: confDir, env, maxOutput: MAX_OUTPUT, timeout }
  const runs = new FewAtATime(concurrency, MAX_WAITING)

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const { host, builtIn, signal } = event
    if (builtIn.name !== 'X509_V_OK' && !overrule) return reject(builtIn.name, builtIn.message)
    try {
      const input = `${JSON.stringify(questionOf(event, client))}\n`
      const warn = (text: string): void => note(`${command.program} about ${host}: ${text}`)
      return parseAnswer(await runs.run(() => run(terms, input, signal, warn), signal), context)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      if (!signal.aborted) error(`${command.program} about ${host}: ${why}`)
      return reject('internal', `the program that decides has failed about ${host}`)
    }
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: !client })
}
export default init
