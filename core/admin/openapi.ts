/** The OpenAPI document of the management API, made from its routes and their schemas. */
import type { RouteOptions } from 'fastify'
import { ProxyError } from '../base/errors.js'
import type { Role } from '../base/roles.js'

/** What a route says about itself. */
export interface Described {
  readonly summary: string
  readonly params?: ObjectSchema
  readonly querystring?: ObjectSchema
  readonly body?: object
  readonly response: Readonly<Record<string, object>>
  /** What a token or a login has to have, where the method does not say it. */
  readonly role?: Role
  /** `required`: it does nothing that is not written down first. */
  readonly audit?: 'required'
  /** The media type of the answer, where it is none of JSON. */
  readonly produces?: readonly [string]
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required: readonly string[]
}

const JSON_TYPE = 'application/json'
/** Fastify's `/v1/parked/:id` is OpenAPI's `/v1/parked/{id}`. */
const PARAMETER = /:(\w+)/g

const parametersIn = (place: 'path' | 'query', schema: ObjectSchema | undefined) =>
  Object.entries(schema?.properties ?? {}).map(([name, type]) => ({
    name,
    in: place,
    required: schema?.required.includes(name) ?? false,
    schema: type,
  }))

const contentOf = (schema: object, type: string = JSON_TYPE) => ({ content: { [type]: { schema } } })

const FAILED = { $ref: '#/components/responses/Failed' }

/** What is read needs a role, what is decided another, and everything else the third. */
export function roleFor(method: string | readonly string[], schema: object | undefined): Role {
  const { role } = (schema ?? {}) as Partial<Described>
  return role ?? ([method].flat().every(name => name === 'GET' || name === 'HEAD') ? 'read' : 'change')
}

function operationOf(method: string, described: Described) {
  const { summary, params, querystring, body, response, produces = [JSON_TYPE] } = described
  const parameters = [...parametersIn('path', params), ...parametersIn('query', querystring)]
  const good = Object.entries(response).filter(([status]) => /^\d+$/.test(status))
  return {
    summary,
    'x-portcullis-role': roleFor(method, described),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, ...contentOf(body) } }),
    responses: {
      ...Object.fromEntries(
        good.map(([status, schema]) => [status, { description: 'Done.', ...contentOf(schema, ...produces) }]),
      ),
      '4XX': FAILED,
      '5XX': FAILED,
    },
  }
}

/** Is called with each route (`onRoute` of fastify), and describes all of them. */
export class OpenApi {
  readonly #paths: Record<string, Record<string, object>> = {}
  readonly #failed: object

  /** @param failed the schema of an error */
  constructor(failed: object) {
    this.#failed = failed
  }

  readonly add = ({ method, url, schema }: RouteOptions): void => {
    const methods = [method].flat().filter(name => name !== 'HEAD')
    if (methods.length === 0) return
    if (schema === undefined) throw new ProxyError('PTC_INTERNAL', `${methods} ${url} has no schema`)
    // The type of fastify knows nothing of what a schema has to have here.
    const described = schema as Described
    const at = url.replace(PARAMETER, '{$1}')
    this.#paths[at] = {
      ...this.#paths[at],
      ...Object.fromEntries(methods.map(name => [name.toLowerCase(), operationOf(name, described)])),
    }
  }

  get document() {
    return {
      openapi: '3.0.3',
      info: {
        title: 'Portcullis management API',
        version: '1',
        description:
          'On `proxy.config.admin.socket`, and with the token of `proxy.config.admin.token_file` on `proxy.config.admin.listen`. Times are milliseconds.',
      },
      security: [{ token: [] }],
      paths: this.#paths,
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
        responses: {
          Failed: { description: 'What is wrong, and what to do.', ...contentOf(this.#failed) },
        },
      },
    }
  }
}
