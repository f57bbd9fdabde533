/** A rule about the packages that are loaded. */
import type { Rule } from './source.js'

/** What is published loads packages that npm installs with it. Types of others are needed by the compiler alone. */
export const onlyDependenciesAreLoaded =
  (dependencies: readonly string[]): Rule =>
  files =>
    files
      .filter(({ path }) => !path.startsWith('test/'))
      .flatMap(file =>
        file.imports
          .filter(({ specifier, isTypeOnly }) => !isTypeOnly && /^[@a-z]/.test(specifier))
          .filter(({ specifier }) => !specifier.startsWith('node:') && !specifier.startsWith('portcullis/'))
          .filter(({ specifier }) => !dependencies.includes(packageOf(specifier)))
          .map(
            ({ line, specifier }) =>
              `${file.path}:${line}: ${specifier} is not in dependencies of package.json`,
          ),
      )

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
