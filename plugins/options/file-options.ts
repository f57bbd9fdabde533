import type { OptionsSchema } from 'portcullis/plugin'

/**
 * The options of a plugin that reads one file: `file=rules.yaml`.
 * @param name the file, if the line names none
 * @param content what is in the file
 */
export const fileOptions = (name: string, content: string) =>
  ({
    type: 'object',
    properties: { file: { type: 'string', format: 'path', default: name, description: content } },
  }) as const satisfies OptionsSchema
