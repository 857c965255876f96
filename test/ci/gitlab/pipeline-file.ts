/** Reads a .gitlab-ci.yml, as far as the recipe uses its features. https://docs.gitlab.com/ci/yaml/ */
import { parse } from 'yaml';
import { fieldsOf, listOf, textOf, unknown, variablesOf } from '../refuse.ts';
import type { Variables } from '../world.ts';

export interface Job {
  readonly name: string;
  readonly stage: number;
  readonly when: 'on_success' | 'always';
  /** The job does not wait for earlier stages, and gets none of their artifacts. */
  readonly startsAtOnce: boolean;
  readonly allowFailure: boolean;
  readonly variables: Variables;
  readonly script: readonly string[];
  /** The audience of the token that each of these variables holds. */
  readonly idTokens: Variables;
  /** The folders that are kept. */
  readonly artifacts: readonly string[];
}

const STAGES = ['.pre', 'build', 'test', 'deploy', '.post'];
const DEFAULTS = ['image', 'id_tokens'];
const OF_JOB = ['stage', 'rules', 'needs', 'parallel', 'allow_failure', 'script', 'artifacts'];

/** Returns the jobs of a pipeline, after deciding their rules by the pipeline's variables. */
export function jobsOf(text: string, predefined: Variables): readonly Job[] {
  const { default: defaults, variables, ...jobs } = parse(text);
  const shared = fieldsOf(defaults, 'default', DEFAULTS);
  const own = Object.entries(variablesOf(variables, 'variables')).map(([name, value]) => [
    name,
    expand(value, predefined),
  ]);
  const known = { ...predefined, ...Object.fromEntries(own) };
  return Object.entries(jobs).flatMap(([name, job]) =>
    parseJob(name, { ...shared, ...fieldsOf(job, name, [...DEFAULTS, ...OF_JOB]) }, known),
  );
}

function parseJob(name: string, job: Record<string, unknown>, variables: Variables): Job[] {
  const when = whenOf(job.rules, name, variables);
  if (when === undefined) return [];
  const parallel = Number(job.parallel ?? 0);
  const indexes = Array.from({ length: parallel }, (_, index) => index + 1);
  const stage = STAGES.indexOf(textOf(job.stage ?? 'test', name));
  if (stage < 0) unknown(`the stage of ${name}`);
  if (job.needs !== undefined && listOf(job.needs, name).length > 0) unknown(`needs of ${name}`);
  const one: Job = {
    name,
    stage,
    when,
    variables,
    startsAtOnce: job.needs !== undefined,
    allowFailure: job.allow_failure === true,
    script: listOf(job.script, name).map((line) => textOf(line, name)),
    idTokens: idTokensOf(job.id_tokens),
    artifacts: artifactsOf(job.artifacts, name),
  };
  if (parallel === 0) return [one];
  // https://docs.gitlab.com/ci/yaml/#parallel
  return indexes.map((index) => ({
    ...one,
    name: `${name} ${index}/${parallel}`,
    variables: { ...variables, CI_NODE_INDEX: `${index}`, CI_NODE_TOTAL: `${parallel}` },
  }));
}

/** The first matching rule decides. Returns `undefined` if the job is not part of the pipeline. */
function whenOf(rules: unknown, name: string, variables: Variables): Job['when'] | undefined {
  if (rules === undefined) return 'on_success';
  for (const each of listOf(rules, name)) {
    const rule = fieldsOf(each, `${name}.rules`, ['if', 'when']);
    const [, variable = '', text] =
      /^\$(\w+) == "([^"]*)"$/.exec(textOf(rule.if, name)) ?? unknown(`the rule ${rule.if}`);
    if (variables[variable] !== text) continue;
    const when = rule.when ?? 'on_success';
    return when === 'always' || when === 'on_success' ? when : unknown(`when: ${when}`);
  }
  return undefined;
}

function idTokensOf(value: unknown): Variables {
  const tokens = Object.entries(fieldsOf(value ?? {}, 'id_tokens', Object.keys(value ?? {})));
  return Object.fromEntries(
    tokens.map(([name, token]) => [name, textOf(fieldsOf(token, name, ['aud']).aud, name)]),
  );
}

function artifactsOf(value: unknown, name: string): readonly string[] {
  if (value === undefined) return [];
  const { paths, when } = fieldsOf(value, `${name}.artifacts`, ['when', 'paths']);
  if (when !== 'always') unknown(`artifacts:when of ${name}`);
  return listOf(paths, name).map((path) => textOf(path, name));
}

function expand(value: string, predefined: Variables): string {
  return value.replaceAll(/\$(\w+)/g, (_, name) => predefined[name] ?? unknown(`$${name}`));
}
