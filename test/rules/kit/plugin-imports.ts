/** Rules about plugins and core: neither names the other. */
import type { Rule } from './source.js'

const PUBLIC: ReadonlySet<string> = new Set(['portcullis/plugin', 'portcullis/store-keys', 'portcullis/x509'])

/** A plugin may import what the package exports for plugins, Node's modules, packages, and files beside it in its own folder. */
export const pluginsKeepOutOfCore: Rule = files =>
  files
    .filter(({ path }) => /^(sample-)?plugins\//.test(path))
    .flatMap(file =>
      file.imports.flatMap(({ specifier, file: to, line }) => {
        const [folder = ''] = file.path.split('/')
        const isOwn = to?.startsWith(`${folder}/`) ?? PUBLIC.has(specifier)
        const isPackage = to === undefined && !/^(portcullis|core)(\/|$)|^[/.]|^file:/.test(specifier)
        return isOwn || isPackage ? [] : [`${file.path}:${line}: a plugin may not import ${specifier}`]
      }),
    )

/** Names of plugins that are words of core, too: there a string counts only with an extension, or behind a slash. */
const WORDS_OF_CORE: Readonly<Record<string, string>> = {
  approval: 'what an operator gives',
  policy: 'a reason of a rejection, and a command',
  learn: 'a command',
}

/**
 * A string in core that is a plugin's name, or a path that ends in one. What core imports from its own folders is no
 * plugin's: the rule of directions looks at that.
 */
export const coreNamesNoPlugin: Rule = files => {
  const names = files
    .filter(({ path }) => /^(sample-)?plugins\/[^/]+$/.test(path))
    .map(({ path }) => (path.split('/')[1] ?? '').replace(/\.ts$/, ''))
  return (
    files
      // `migrate` writes plugin.config: this file says which plugins take the place of parts of other proxies.
      .filter(({ path }) => path.startsWith('core/') && path !== 'core/migrate/our-plugins.ts')
      .flatMap(file =>
        names.flatMap(name =>
          new RegExp(
            Object.hasOwn(WORDS_OF_CORE, name)
              ? `/${name}['"\`]|['"\`/]${name}\\.(js|ts|so)['"\`]`
              : `(['"\`/])${name}(\\.(js|ts|so))?['"\`]`,
          ).test(file.uncommented.replace(/\bfrom '\.[^']*'/g, ''))
            ? [`${file.path}: core names the plugin ${name}`]
            : [],
        ),
      )
  )
}
