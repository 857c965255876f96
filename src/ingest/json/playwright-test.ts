/** Reads one test of Playwright's JSON: its attempts, and the facts that all attempts share. */
import { Excerpt, excerptOf } from '../excerpt.ts';
import type { Execution, ExecutionOutcome, OutputStream, SourceLocation } from '../execution.ts';
import { amountOf, type Fields, isFields, textOf } from './json-fields.ts';

/** Limits, as a report may claim any number of either. */
const MAX_ATTEMPTS = 100;
const MAX_TAGS = 20;

export type PlaywrightAttempt = Pick<
  Execution,
  'outcome' | 'durationMs' | 'startTimeMs' | 'summary' | 'errorMessage' | 'tags' | 'output'
>;

/** Returns the attempts in the order of the run; `undefined` if one has an unknown status. */
export function attemptsOf(test: Fields): readonly PlaywrightAttempt[] | undefined {
  const results = listOf(test.results);
  const outcomes = results.map((result) => outcomeOf(result, test));
  if (outcomes.includes(undefined)) return undefined;
  // All attempts of a skipped test say the same; a test that was never begun has no attempts.
  if (outcomes.every((outcome) => outcome === 'skip')) {
    return [attemptOf(results.at(-1) ?? {}, test, 'skip')];
  }
  const told = results.slice(-MAX_ATTEMPTS);
  return told.map((result) => attemptOf(result, test, outcomeOf(result, test) ?? 'fail'));
}

/** Returns annotations with a description, such as an owner or an issue, and tags. */
export function tagsOf(spec: Fields, test: Fields): Execution['tags'] {
  const tags = Array.isArray(spec.tags)
    ? spec.tags.map((tag) => ['tag', textOf(tag)] as const)
    : [];
  const annotations = listOf(test.annotations)
    .filter(({ type }) => type !== 'skip' && type !== 'fixme')
    .map(({ type, description }) => [textOf(type), textOf(description)] as const);
  const isToFail = test.expectedStatus === 'failed';
  const toFail = isToFail ? [['expected_failure', 'true'] as const] : [];
  return [...toFail, ...tags, ...annotations]
    .filter(([key, value]) => key !== '' && value !== '')
    .slice(0, MAX_TAGS);
}

export function messageOf(error: Fields): string {
  return textOf(error.message) || textOf(error.value) || textOf(error.stack);
}

export function errorLocationOf({ location }: Fields): SourceLocation | undefined {
  if (!isFields(location) || textOf(location.file) === '') return undefined;
  return { file: textOf(location.file), line: amountOf(location.line) };
}

function outcomeOf({ status }: Fields, test: Fields): ExecutionOutcome | undefined {
  if (status === 'skipped') return 'skip';
  if (status === 'timedOut' || status === 'interrupted') return 'abort';
  if (status !== 'passed' && status !== 'failed') return undefined;
  return status === (test.expectedStatus ?? 'passed') ? 'pass' : 'fail';
}

function attemptOf(result: Fields, test: Fields, outcome: ExecutionOutcome): PlaywrightAttempt {
  const messages = listOf(result.errors).map(messageOf);
  const isFailure = outcome !== 'pass' && outcome !== 'skip';
  const unexpectedPass = result.status === 'passed' ? 'Expected to fail, but passed.' : '';
  return {
    outcome,
    durationMs: amountOf(result.duration),
    startTimeMs: startOf(result),
    summary: isFailure
      ? excerptOf(messages.join('\n\n')) || unexpectedPass
      : outcome === 'skip'
        ? whySkipped(test)
        : '',
    errorMessage: isFailure ? (messages[0] ?? unexpectedPass) : undefined,
    tags: listOf(result.attachments).slice(0, MAX_TAGS).map(attachmentTag),
    output: [...outputOf('stdout', result.stdout), ...outputOf('stderr', result.stderr)],
  };
}

function whySkipped(test: Fields): string {
  const why = listOf(test.annotations).find(({ type }) => type === 'skip' || type === 'fixme');
  if (why) return textOf(why.description);
  return 'The test did not run: an earlier test failed, or the run ended.';
}

/** Returns the name and the type of the attachment, and its path below the folder of results. */
function attachmentTag({ name, contentType, path }: Fields): readonly [string, string] {
  const place = textOf(path).replaceAll('\\', '/').split('/').slice(-2).join('/');
  return ['attachment', [textOf(name), textOf(contentType), place].filter(Boolean).join(' ')];
}

function outputOf(name: OutputStream['name'], pieces: unknown): readonly OutputStream[] {
  const excerpt = new Excerpt();
  for (const { text, buffer } of listOf(pieces)) {
    excerpt.add(textOf(text) || Buffer.from(textOf(buffer), 'base64').toString());
  }
  return excerpt.text === '' ? [] : [{ name, text: excerpt.text }];
}

function startOf({ startTime }: Fields): number | undefined {
  const start = Date.parse(textOf(startTime));
  return start > 0 ? start : undefined;
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}
