import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import type { OptionsSchema } from '../../core/api/options.js'
import { ROOT } from './kit/source.js'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Shipped plugins that judge origins. */
const verifiers = readdirSync(join(ROOT, 'plugins'))
  .filter(name => name.endsWith('.ts') && read(`plugins/${name}`).includes("'TS_SSL_CERT_VERIFY_HOOK'"))
  .map(name => name.replace(/\.ts$/, ''))

test('every verifier has a page with all of its options, and a line in plugin.config', async t => {
  t.ok(verifiers.length >= 9)
  const lines = read('etc/plugin.config')
  for (const name of verifiers) {
    const { optionsSchema } = (await import(`../../plugins/${name}.js`)) as { optionsSchema: OptionsSchema }
    const page = read(`docs/plugins/${name}.md`)
    const options = Object.entries(optionsSchema.properties)
    const missing = options
      .filter(([option]) => !new RegExp(`\`${option}[=\`]`).test(page))
      .map(([option]) => option)
    t.strictSame(missing, [], `options that docs/plugins/${name}.md leaves out`)
    t.match(page, /^## .*What it costs|^## What it costs/m, name)
    t.match(page, /what it cannot know/i, name)
    const [, line] = new RegExp(`^#${name}\\.js(.*)$`, 'm').exec(lines) ?? []
    t.type(line, 'string', `${name} in etc/plugin.config`)
    const used = [...(line ?? '').matchAll(/(?<=[\s"])(?!@)([a-z_]+)=/g)].map(([, key = '']) => key)
    t.strictSame(
      used.filter(key => !Object.hasOwn(optionsSchema.properties, key)),
      [],
      `options of the line of ${name}`,
    )
  }
})
