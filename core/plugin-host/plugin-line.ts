import type { PluginRef } from '../hooks/registry.js'

/** One line of plugin.config, parsed. The shape is declared here because plugin-host does not know the parser. */
export interface PluginLine {
  /** The plugin.config it comes from, for messages. */
  readonly file: string
  readonly line: number
  /** As written: absolute or relative, with or without an extension. */
  readonly path: string
  readonly name: string
  /** `argv[0]` is the path as written. */
  readonly argv: readonly string[]
  /** The tokens that begin with `@`. */
  readonly options: Pick<PluginRef, 'deadline' | 'mode' | 'late'> & { readonly isolate: 'none' | 'worker' }
}

/** A line that is loaded, and where its configuration is. */
export interface LoadedLine extends PluginLine {
  /** The folder of the configuration, absolute. */
  readonly confDir: string
}

/** Where a message about this line points. */
export function placeOf(line: PluginLine): string {
  return `${line.file}:${line.line}: plugin ${line.name}`
}
