/**
 * Trust on first use: the key that an origin has shown first is the only one that it may show later.
 *
 *     known_hosts file=known_hosts mode=tofu
 *     known_hosts file=known_hosts mode=strict
 *
 * What is in the file, and what known_hosts cannot know: docs/plugins/known_hosts.md.
 */
import { writeFile } from 'node:fs/promises'
import type { OptionsOf, OptionsSchema, PluginInit, Verdict, VerifyServerEvent } from 'portcullis/plugin'
import { spkiOf } from './certificates/fingerprints.js'
import { WatchedFile } from './files/watched-file.js'
import { FirstUses } from './known-hosts/first-uses.js'
import { HEADER, hostKey, type KnownHosts, type KnownKey, parseKnownHosts } from './known-hosts/host-file.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    file: {
      type: 'string',
      format: 'path',
      default: 'known_hosts',
      description: 'The known keys, a line each. With mode=tofu it is made at the start where there is none.',
    },
    mode: {
      type: 'string',
      enum: ['tofu', 'strict'],
      default: 'tofu',
      description: 'tofu: the first key of a host is written down. strict: a host without a key is rejected.',
    },
  },
} as const satisfies OptionsSchema

const init: PluginInit<OptionsOf<typeof optionsSchema>> = async context => {
  const { options, hookAdd, accept, reject, note, error, revoke } = context
  const isTofu = options.mode === 'tofu'
  if (isTofu) await create(options.file)
  const file = new WatchedFile(options.file, text => parseKnownHosts(text, options.file), context)
  const firstUses = new FirstUses(file)
  await file.load()
  file.watch((before, after) => {
    for (const host of goneFrom(before, after)) revoke({ host })
  })

  const judge = async (event: VerifyServerEvent): Promise<Verdict> => {
    const { host, port, builtIn, chain } = event
    const hosts = await file.current()
    if (builtIn.name !== 'X509_V_OK') return reject(builtIn.name, builtIn.message)
    const [leaf] = chain
    if (hosts === undefined || leaf === undefined) return reject('internal', `${file.name} cannot be used`)
    const name = hostKey(host, port)
    const spki = spkiOf(leaf)
    let keys = hosts.get(name)
    if (keys === undefined && !isTofu) {
      note(`${name} is not in ${file.name}; its line would be: ${name} ${spki}`)
      return reject('unknown', `${name} is not in ${file.name}`)
    }
    if (keys === undefined) {
      const remark = `${leaf.subject} issued by ${leaf.issuer}`
      try {
        keys = await firstUses.remember({ name, spki, remark })
      } catch (cause) {
        error(`${file.path}: ${cause instanceof Error ? cause.message : cause}; ${name} is rejected`)
        return reject('internal', `${name} is new, and ${file.name} could not be written`)
      }
    }
    if (keys.some(key => key.spki === spki)) return accept()
    const old = keys.map(known => `${known.spki} (line ${known.line}${ofDate(known)})`).join(' or ')
    note(`${name} has changed its key. Old: ${old}. New: ${spki}, ${leaf.subject} issued by ${leaf.issuer}`)
    return reject('untrusted-issuer', `${name} has changed its key; old ${old}, new ${spki}`)
  }

  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => event.reenable(await judge(event)), { coalesce: true })
}
export default init

const ofDate = ({ remark }: KnownKey): string => {
  const [date] = /^\d{4}-\d\d-\d\d/.exec(remark) ?? []
  return date === undefined ? '' : `, seen ${date}`
}

async function create(path: string): Promise<void> {
  try {
    await writeFile(path, HEADER, { flag: 'wx', mode: 0o644 })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
  }
}

/** Hosts that have lost a key. Of a file that cannot be used all have. */
function goneFrom(before: KnownHosts = new Map(), after: KnownHosts = new Map()): string[] {
  return [...before]
    .filter(([name, keys]) => keys.some(({ spki }) => !after.get(name)?.some(key => key.spki === spki)))
    .map(([name]) => name.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([^:]+):\d+$/, '$1'))
}
