import { Command } from 'commander';
import type { Caller, GetLimitsResponse, MethodClass } from '../../../gen/postlude/v1/limits_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { parseLimit } from '../../option-values.ts';
import type { Output } from '../../terminal/output.ts';

const MIB = 1024 ** 2;

export const limitsCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('limits')
      .description('show what callers may use of the server, and what they use')
      .option('--limit <n>', 'how many callers to list at most', parseLimit, 20),
  ).action(async ({ limit }: { readonly limit: number }, command: Command) => {
    const output = outputOf(context, command);
    const found = await connect(context, command).limits.getLimits({ maxCallers: limit });
    output.result(resultOf(found), () => textOf(output, found));
  });

function resultOf({ callers, classes, load }: GetLimitsResponse) {
  return {
    classes: classes.map(({ $typeName: _, ...each }) => each),
    callers: callers.map(({ $typeName: _, ...each }) => ({
      ...each,
      bytes: Number(each.bytes),
      maxBytes: Number(each.maxBytes),
      refused: Number(each.refused),
      resultsToday: Number(each.resultsToday),
      maxResultsPerDay: Number(each.maxResultsPerDay),
    })),
    load: {
      delayMs: load?.delayMs ?? 0,
      heapShare: load?.heapShare ?? 0,
      capacityShare: load?.capacityShare ?? 1,
    },
  };
}

function textOf(output: Output, found: GetLimitsResponse): string[] {
  const { capacityShare, delayMs, heapShare } = resultOf(found).load;
  const state =
    capacityShare < 1
      ? `overloaded: it uses ${percent(capacityShare)} of its capacity`
      : 'it uses all of its capacity if needed';
  return [
    ...output.table([CLASS_HEAD, ...found.classes.map(classRow)]),
    '',
    ...output.table([CALLER_HEAD, ...found.callers.map(callerRow)]),
    '',
    `event loop ${Math.round(delayMs)} ms late, heap ${percent(heapShare)} full; ${state}`,
  ];
}

const CLASS_HEAD = ['CLASS', 'IN WORK', 'WAITING', 'AT MOST'];

function classRow({ capacity, inWork, name, presentCapacity, waiting }: MethodClass): string[] {
  const now = presentCapacity < capacity ? `${presentCapacity} of ${capacity}` : String(capacity);
  return [name, String(inWork), String(waiting), now];
}

const CALLER_HEAD = ['CALLER', 'IN WORK', 'WAITING', 'MIB', 'REFUSED', 'RESULTS TODAY', 'A SECOND'];

function callerRow(caller: Caller): string[] {
  const { bytes, maxBytes, maxRequestsPerSecond, maxResultsPerDay, resultsToday } = caller;
  return [
    caller.name,
    String(caller.inWork),
    String(caller.waiting),
    `${mib(bytes)} of ${mib(maxBytes)}`,
    String(caller.refused),
    maxResultsPerDay === 0n ? String(resultsToday) : `${resultsToday} of ${maxResultsPerDay}`,
    maxRequestsPerSecond === 0 ? 'any' : String(maxRequestsPerSecond),
  ];
}

function mib(bytes: bigint): string {
  return String(Math.round((Number(bytes) / MIB) * 10) / 10);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
