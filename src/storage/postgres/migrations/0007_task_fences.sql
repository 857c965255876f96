-- Fences of leases: drawn anew for each, so that none is ever given twice, whatever clocks say, and each is
-- greater than those before. Earlier versions counted on from the time in microseconds.
CREATE SEQUENCE task_fences;

SELECT setval('task_fences', greatest(
  (SELECT max(fence) FROM tasks),
  (SELECT max(fence) FROM dead_tasks),
  (extract(epoch FROM now()) * 1000000)::bigint
));
