/** The classes of all tasks that a server pushes. */
import { finalizationTasks } from '../../finalizer/finalization-tasks.ts';

export const PUSH_TASK_CLASSES = [finalizationTasks];
