/**
 * A specialist who works through the worklist: claims what is requested, signs a report, posts it. A gateway that goes away in the middle
 * is asked again when it is back: a claim that was answered by nobody shows in the Task, a report in the search for it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DiagnosticReport, Task } from '@medplum/fhirtypes';
import { type Reader, searchAll } from './fhir-pages.ts';
import { claimTask, connect, postReport, reportOn, type Specialist } from './specialist.ts';

export type ReadingRoom = {
  /** Reads what is left of the worklist as it is now, then ends. */
  stop(): Promise<void>;
  /** Why the last look at the worklist did not come to its end; '' when it did. */
  trouble(): string;
};

const REST_MS = 100;
const AT_A_TIME = 4;

export function startReadingRoom(reader: () => Reader, specialist: Specialist): ReadingRoom {
  let stopping = false;
  let trouble = '';
  const run = async (): Promise<void> => {
    while (!stopping) {
      try {
        trouble = await readAll(await openTasks(reader()), (task) => readCase(reader(), specialist, task));
      } catch (error) {
        trouble = error instanceof Error ? error.message : String(error);
      }
      await pause(REST_MS);
    }
  };
  const running = run();
  return {
    trouble: () => trouble,
    stop: async () => {
      stopping = true;
      await running;
    },
  };
}

/** Several at a time, as a group of specialists does; each case on its own. Returns why the last of those failed that did, or ''. */
async function readAll(tasks: readonly Task[], read: (task: Task) => Promise<void>): Promise<string> {
  let trouble = '';
  for (let next = 0; next < tasks.length; next += AT_A_TIME) {
    const results = await Promise.allSettled(tasks.slice(next, next + AT_A_TIME).map(read));
    for (const result of results) if (result.status === 'rejected') trouble = String(result.reason);
  }
  return trouble;
}

function openTasks(reader: Reader): Promise<Task[]> {
  return searchAll<Task>(reader, 'Task?status=requested,accepted&_count=100');
}

async function readCase(reader: Reader, specialist: Specialist, task: Task): Promise<void> {
  const server = connect(`${reader.http}/fhir`, reader.token);
  if (task.status === 'requested') await claimTask(server, task);
  const order = task.focus?.reference ?? '';
  const reports = await searchAll<DiagnosticReport>(reader, `DiagnosticReport?based-on=${order}`);
  if (reports.length > 0) return;
  await postReport(server, specialist, reportOn(order, task.for?.reference ?? ''), '2026-03-02T10:30:00+01:00');
}
