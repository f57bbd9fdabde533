/** The files of a new plugin's project. What they say is what an author reads first: it is kept as short as it can be. */

export interface Project {
  readonly name: string
  readonly isJavaScript: boolean
  /** Where npm finds this program: `^1.2.3`, or `file:` and an absolute path. */
  readonly dependency: string
}

/** Texts by their paths in the project's folder. */
export function projectFiles(project: Project): Readonly<Record<string, string>> {
  const { name, isJavaScript } = project
  return {
    'package.json': `${JSON.stringify(packageJson(project), null, 2)}\n`,
    ...(isJavaScript
      ? { [`${name}.js`]: javaScript(name), [`${name}.test.js`]: testFor(name) }
      : {
          'tsconfig.json': `${JSON.stringify(TSCONFIG, null, 2)}\n`,
          [`src/${name}.ts`]: typeScript(name),
          [`src/${name}.test.ts`]: testFor(name),
        }),
    'conf/plugin.config': `# The plugins, one a line, in the order in which they are asked.\n${name}.js deny=evil.example\n`,
    'conf/records.config': `CONFIG proxy.config.http.server_ports STRING 8080:ip-in=127.0.0.1
CONFIG proxy.config.plugin.plugin_dir STRING ${isJavaScript ? '..' : '../dist'}
`,
    'README.md': readme(project),
    '.gitignore': isJavaScript ? 'node_modules\n' : 'node_modules\ndist\n',
  }
}

function packageJson({ name, isJavaScript, dependency }: Project): object {
  const build = isJavaScript ? '' : 'tsc && '
  const test = isJavaScript ? `${name}.test.js` : `dist/${name}.test.js`
  return {
    name,
    version: '0.0.1',
    private: true,
    type: 'module',
    scripts: {
      ...(isJavaScript ? {} : { build: 'tsc' }),
      test: `${build}node --test ${test}`,
      check: `${build}portcullis verify-config -D conf`,
      start: `${build}portcullis start -D conf`,
    },
    devDependencies: {
      portcullis: dependency,
      ...(isJavaScript ? {} : { '@types/node': '>=20', typescript: '>=5.9' }),
    },
  }
}

const TSCONFIG = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    types: ['node'],
    rootDir: 'src',
    outDir: 'dist',
    strict: true,
    skipLibCheck: true,
  },
  include: ['src'],
}

/** The body of the hook is the same in both languages. */
const HOOK = (
  name: string,
): string => `  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ host, builtIn, reenable }) => {
    if (options.deny.includes(host)) reenable(reject('policy', \`\${host} is denied by ${name}\`))
    else if (builtIn.name === 'X509_V_OK') reenable(accept())
    else reenable(reject(builtIn.name, builtIn.message)) // no opinion of its own: the built-in check's
  })`

const SCHEMA = `{
  type: 'object',
  properties: {
    deny: { type: 'array', items: { type: 'string' }, default: [], description: 'hosts' },
  },
}`

function typeScript(name: string): string {
  return `/**
 * Turns hosts away.
 *
 *     ${name}.js deny=evil.example,worse.example
 */
import type { OptionsOf, OptionsSchema, PluginInit } from 'portcullis/plugin'

/** What its line in plugin.config may say. */
export const optionsSchema = ${SCHEMA} as const satisfies OptionsSchema

const init: PluginInit<OptionsOf<typeof optionsSchema>> = ({ options, hookAdd, accept, reject }) => {
${HOOK(name)}
}
export default init
`
}

function javaScript(name: string): string {
  return `// @ts-check
/** What its line in plugin.config may say. */
export const optionsSchema = /** @type {const} */ (${SCHEMA})

/**
 * Turns hosts away.
 *
 *     ${name}.js deny=evil.example,worse.example
 *
 * @type {import('portcullis/plugin').PluginInit<import('portcullis/plugin').OptionsOf<typeof optionsSchema>>}
 */
export default function init({ options, hookAdd, accept, reject }) {
${HOOK(name)}
}
`
}

function testFor(name: string): string {
  return `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openKit } from 'portcullis/testing'

test('${name}', async t => {
  const kit = await openKit(import.meta.url, '${name}.js deny=evil.example,worse.example')
  t.after(() => kit.close())

  await t.test('turns the hosts of its line away', async () => {
    const { outcome } = await kit.park({ host: 'worse.example' })
    assert.equal(outcome?.kind, 'rejected')
    assert.equal(outcome?.detail, 'worse.example is denied by ${name}')
  })

  await t.test('accepts the others', async () => {
    const { outcome } = await kit.park({ host: 'good.example' })
    assert.equal(outcome?.kind, 'accepted')
  })

  await t.test('unless the built-in check has failed', async () => {
    const { outcome } = await kit.park({ host: 'good.example', builtIn: 'X509_V_ERR_CERT_HAS_EXPIRED' })
    assert.equal(outcome?.reason, 'X509_V_ERR_CERT_HAS_EXPIRED')
  })

  await t.test('does not start with an option it does not know', async () => {
    await assert.rejects(openKit(import.meta.url, '${name}.js denny=evil.example'), { message: /did you mean deny/ })
  })
})
`
}

function readme({ name, isJavaScript, dependency }: Project): string {
  const source = isJavaScript ? `${name}.js` : `src/${name}.ts`
  return `# ${name}

A plugin for Portcullis. The plugin is \`${source}\`, its test lies beside it.

    npm install     # once; Portcullis itself is ${dependency.startsWith('file:') ? `linked from ${dependency.slice('file:'.length)}` : `version ${dependency} of the registry`}
    npm test${isJavaScript ? '' : '        # compiles, and runs the test'}
    npm run check   # checks conf/, opens no port
    npm start       # serves on 127.0.0.1:8080 with conf/

${
  dependency.startsWith('file:')
    ? `The project may be moved. When Portcullis itself has moved, its types are missing: correct \`portcullis\` in
package.json and run npm install again.\n\n`
    : ''
}In another terminal, while it serves:

    curl -x http://127.0.0.1:8080 https://evil.example/

A proxy that is in service gets it by a line in its \`plugin.config\`: the path of \`${isJavaScript ? `${name}.js` : `dist/${name}.js`}\`,
then the options.
`
}
