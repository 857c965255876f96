/** @postlude/queue/tables: the queue's own tables, for programs that copy or inspect a whole database. */
export { skipStoredFences } from '../tasks/lease/fences.ts';
export { deadTasks, tasks } from '../tasks/table.ts';
export { deadReminders, reminders } from '../tq/reminders/table.ts';
