-- The fences of leases. Each lease draws one, so none is ever used twice, whatever clocks say, and each is
-- greater than all before it. Earlier versions counted on from the time in microseconds.
CREATE SEQUENCE task_fences;

SELECT setval('task_fences', greatest(
  (SELECT max(fence) FROM tasks),
  (SELECT max(fence) FROM dead_tasks),
  (extract(epoch FROM now()) * 1000000)::bigint
));
