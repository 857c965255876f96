-- What a row written by hand could get wrong. The queue itself never writes such rows.
ALTER TABLE tasks
  ADD CONSTRAINT tasks_named CHECK (type <> '' AND id <> ''),
  ADD CONSTRAINT tasks_counted CHECK (attempt >= 0 AND deaths >= 0);

ALTER TABLE dead_tasks
  ADD CONSTRAINT dead_tasks_named CHECK (type <> '' AND id <> ''),
  ADD CONSTRAINT dead_tasks_counted CHECK (attempt >= 0);

-- Sweeps divide the space of ids: a reminder with any other id would never be found.
ALTER TABLE tq_reminders
  ADD CONSTRAINT tq_reminders_id CHECK (id ~ '^[0-9a-f]{32}$');
