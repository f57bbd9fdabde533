/**
 * Asks a web service: a signed POST with what the origin has shown, answered with a verdict.
 *
 *     webhook url=https://verify.example/ask secret_file=webhook.secret timeout=5000 retries=2 breaker=5
 *
 * What is sent and answered, and what webhook cannot know: docs/plugins/webhook.md.
 */
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { WatchedFile } from './files/watched-file.js'
import { parseAnswer } from './questions/answer.js'
import { questionOf } from './questions/question.js'
import { askService } from './webhook/ask.js'
import { Circuit } from './webhook/circuit.js'
import { RetryBudget } from './webhook/retry-budget.js'
import { parseSecrets } from './webhook/sign.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    url: {
      type: 'string',
      pattern: '^https?://[^\\s#@]+$',
      description: 'The service; it gets a POST with JSON.',
    },
    secret_file: {
      type: 'string',
      format: 'path',
      description: 'The secrets that sign what is sent, one a line. Without it nothing is signed.',
    },
    timeout: {
      type: 'integer',
      minimum: 1,
      maximum: 60_000,
      default: 5000,
      description: 'Milliseconds for an answer, retries included.',
    },
    retries: {
      type: 'integer',
      minimum: 0,
      maximum: 10,
      default: 2,
      description: 'Further tries after a failure that may pass.',
    },
    breaker: {
      type: 'integer',
      minimum: 0,
      default: 5,
      description:
        'After so many failures in a row the service is not asked for 10 s. 0: it is always asked.',
    },
    client: {
      type: 'boolean',
      default: false,
      description:
        'Whether the service is told about the client; its acceptance is then for that client alone.',
    },
    overrule: {
      type: 'boolean',
      default: false,
      description:
        'Whether it is asked about chains that failed the built-in check, which its acceptance then overrules.',
    },
  },
  required: ['url'],
} as const satisfies OptionsSchema

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, reject, error, fetch, metrics } = context
  const { url, timeout, retries, breaker, client, overrule, secret_file: secretFile } = options
  const file = secretFile === undefined ? undefined : new WatchedFile(secretFile, parseSecrets, context)
  await file?.load()
  const terms = { url, timeout, retries, budget: new RetryBudget(), fetch }
  const circuit = new Circuit(breaker)
  const results = metrics.counter({
    name: 'questions_total',
    help: 'Questions by what became of them.',
    labels: ['result'],
  })

  const ask = async (event: VerifyServerEvent, secrets: readonly Buffer[]): Promise<Verdict> => {
    const { host, signal } = event
    try {
      const answer = await askService(terms, JSON.stringify(questionOf(event, client)), secrets, signal)
      const verdict = parseAnswer(answer, context)
      circuit.succeeded()
      results.inc({ result: verdict.kind })
      return verdict
    } catch (cause) {
      if (signal.aborted) {
        circuit.abandoned()
        throw cause
      }
      const isOpen = circuit.failed()
      results.inc({ result: 'failed' })
      error(`the service, asked about ${host}: ${cause instanceof Error ? cause.message : cause}`)
      if (isOpen)
        error(
          `${breaker} failures in a row: the service is not asked for a while, and handshakes are rejected`,
        )
      return reject('internal', `the service that decides has failed about ${host}`)
    }
  }

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const { builtIn } = event
    if (builtIn.name !== 'X509_V_OK' && !overrule) return reject(builtIn.name, builtIn.message)
    const secrets = file === undefined ? [] : await file.current()
    if (secrets === undefined)
      return reject('internal', 'the secret of the service that decides cannot be used')
    if (circuit.enter()) return await ask(event, secrets)
    results.inc({ result: 'refused' })
    return reject('internal', 'the service that decides has failed too often, and is not asked for a while')
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: !client })
}
export default init
