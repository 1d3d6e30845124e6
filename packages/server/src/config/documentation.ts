import { DEFINITIONS, SETTING_NAMES } from './definitions.ts'
import { variableOf } from './gather.ts'
import { kebab } from './resolve.ts'

/** The reference page of all settings, `docs/server/configuration.md`. */
export function configurationPage(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { description, fallback, masked, noFlag } = DEFINITIONS[name]
    const flag = noFlag ? 'none' : `\`--${kebab(name)}\``
    const usual = fallback === null || fallback === '' ? 'not set' : `\`${fallback}\``
    return `| \`${kebab(name)}\` | ${flag} | \`${variableOf(name)}\` | ${usual} | ${description}${masked ? ' (secret)' : ''} |`
  })
  return `${INTRODUCTION}\n${HEAD}\n${rows.join('\n')}\n${END}`
}

const INTRODUCTION = `# Settings of the server

<!-- Made from packages/server/src/config/definitions.ts by scripts/configuration-page.ts. -->

Each setting is taken from the first place that gives it:

1. a flag: \`coatcheck serve --port 8080\`;
2. the environment: \`COATCHECK_PORT=8080\`, or \`COATCHECK_PORT_FILE\` with the path of a file that holds the value, for
   mounted secrets;
3. a file of JSON with the names below as keys: \`--config FILE\`, \`COATCHECK_CONFIG\`, or \`coatcheck.json\` in the data directory.
   One that holds secrets must be closed to other users (\`chmod 600\`);
4. the default.

Lists are separated by commas; in the file they may be lists. A name that is none is a mistake, whether in a flag, a variable that
begins with \`COATCHECK_\`, or the file; all mistakes are told at once, and the server does not start. What Kubernetes sets for a
service called \`coatcheck\` (\`COATCHECK_SERVICE_HOST\`, \`COATCHECK_PORT=tcp://...\`) is left alone.

\`coatcheck config print\` shows every setting, its value and where it comes from, without its secrets.
`

const HEAD = `| setting | flag | variable | default | meaning |
| --- | --- | --- | --- | --- |`

const END = `
## Where the state is

| \`store\` | sessions are in | all else (\`database\`) is in |
| --- | --- | --- |
| \`sqlite\` | a file in the data directory | a file in the data directory |
| \`redis://host:6379\` | one Redis or Valkey | SQLite, or what \`database\` says |
| \`rediss://one:7000,two:7000,three:7000\` | a Cluster, over TLS | the same |
| \`redis+sentinel://one,two,three/mymaster\` | the primary that the Sentinels name | the same |
| \`postgres://host/name\` | PostgreSQL | the same PostgreSQL, unless \`database\` says otherwise |

Several processes serve one state together: on one machine over one data directory, on several over the same engines, with
the same \`keys\`. Of those that share a data directory one answers on its \`admin.sock\`; another takes over when that one is gone.

## The data directory

It is made for this user alone (mode 0700). One that every user may write to, or that belongs to another user, is refused. It holds
the databases, the master keys (\`master.keys\`, without which every token is void), the socket \`admin.sock\` over which the command
line administers a running server, and, while there is no administrator, \`setup-link\`: whoever opens that link first names the first
administrator. It is good once, for 24 hours; a restart makes another.
`
