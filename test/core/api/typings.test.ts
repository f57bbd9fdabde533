/** The compiler's messages for the author of a plugin, with the package installed. */
import { test } from 'tap'
import { atEnd } from '../../kit/at-end.js'
import { compileElsewhere } from '../../rules/kit/compile.js'

const HEAD = `import type { OptionsOf, OptionsSchema, PluginInit } from 'portcullis/plugin'
declare module 'portcullis/plugin' {
  interface VConnArgs { mine: { readonly count: number } }
}
const optionsSchema = {
  type: 'object',
  properties: {
    url: { type: 'string' },
    tries: { type: 'integer', default: 3 },
    hosts: { type: 'array', items: { type: 'string' } },
    mode: { type: 'string', enum: ['soft', 'hard'] },
  },
  required: ['url'],
} as const satisfies OptionsSchema
type Init = PluginInit<OptionsOf<typeof optionsSchema>>
`

const init = (
  body: string,
): string => `${HEAD}export const init: Init = ({ options, hookAdd, accept, reject }) => {
  ${body}
}`
const hook = (body: string): string =>
  init(`hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable, vconn, chain }) => {
  ${body}
})`)

/** Each in a file of its own, with what the compiler has to find there; nothing: it is right. */
const PROGRAMS: Readonly<Record<string, readonly [source: string, error?: string]>> = {
  options: [
    init(`const url: string = options.url
  const tries: number = options.tries
  const hosts: readonly string[] | undefined = options.hosts
  const mode: 'soft' | 'hard' | undefined = options.mode
  return void [url, tries, hosts, mode]`),
  ],
  optionsUnknown: [init('return void options.urls'), "Property 'urls' does not exist"],
  optionsType: [init('const tries: string = options.tries'), "'number' is not assignable to type 'string'"],
  optionsAbsent: [init('const hosts: readonly string[] = options.hosts'), "'undefined' is not assignable"],
  optionsReadonly: [init("options.url = 'b'"), "'url' because it is a read-only"],
  optionsEnum: [init("return void (options.mode === 'medium')"), 'no overlap'],
  schema: [
    `import type { OptionsSchema } from 'portcullis/plugin'
export const schema = { type: 'object', properties: { a: { type: 'text' } } } as const satisfies OptionsSchema`,
    `'"text"' is not assignable`,
  ],
  verdicts: [
    hook(
      "reenable(accept({ cacheFor: 5, scope: 'host' })); reenable(reject('X509_V_ERR_CERT_REVOKED', 'x')); reenable()",
    ),
  ],
  verdictWord: [hook("reenable(reject('revokt'))"), `'"revokt"' is not assignable`],
  verdictBoolean: [hook('reenable(true)'), "'true' is not assignable"],
  verdictScope: [hook("reenable(accept({ cacheFor: 5, scope: 'all' }))"), `'"all"' is not assignable`],
  chain: [hook("chain[0].subject = 'x'"), "'subject' because it is a read-only"],
  args: [hook('vconn.args.mine = { count: 1 }; reenable()')],
  argsAbsent: [hook('return void vconn.args.mine.count'), "'vconn.args.mine' is possibly 'undefined'"],
  argsOthers: [hook('return void vconn.args.yours'), "Property 'yours' does not exist"],
  argsShape: [hook("vconn.args.mine = { count: 'one' }"), "'string' is not assignable to type 'number'"],
  hookId: [init("hookAdd('TS_SSL_CERT_HOOKS', () => {})"), `'"TS_SSL_CERT_HOOKS"' is not assignable`],
  hookAlias: [init("hookAdd('TS_SSL_VERIFY_SERVER_HOOK', ({ reenable }) => reenable())")],
  kit: [
    `import { openKit, type Outcome } from 'portcullis/testing'
const kit = await openKit(import.meta.url, ['a.js x=1', 'b.js'], { records: { 'proxy.config.ssl.client.verify.deadline': 5 } })
const handshake = await kit.park({ host: 'a.example', builtIn: 'X509_V_ERR_CERT_REVOKED', chain: [{ names: ['a'] }] })
await kit.advance(3000)
export const outcome: Outcome | undefined = handshake.outcome`,
  ],
  kitRecord: [
    `import { openKit } from 'portcullis/testing'
await openKit(import.meta.url, 'a.js', { records: { 'proxy.config.ssl.client.verify.deadlin': 5 } })`,
    "proxy.config.ssl.client.verify.deadlin'' does not exist",
  ],
  kitOrigin: [
    `import { openKit } from 'portcullis/testing'
await (await openKit(import.meta.url, 'a.js')).park({ sni: 'a' })`,
    "Property 'host' is missing",
  ],
}

const { complaints, dir } = compileElsewhere(
  new Map(Object.entries(PROGRAMS).map(([name, [source]]) => [`${name}.ts`, source])),
)

test('correct plugins compile, and wrong ones do not', async t => {
  for (const [name, [, error]] of Object.entries(PROGRAMS)) {
    const found = complaints.split('\n').filter(line => line.includes(`/${name}.ts(`))
    if (error === undefined) t.strictSame(found, [], name)
    else
      t.ok(
        complaints
          .replaceAll(/\n {2,}/g, ' ')
          .split('\n')
          .some(line => line.includes(`/${name}.ts(`) && line.includes(error)),
        `${name}: ${found.join()}`,
      )
  }
})

atEnd(() => dir.remove())
