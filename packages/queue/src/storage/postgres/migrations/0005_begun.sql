-- begun: whether the attempt of the newest lease is known to have begun. Only then does a lease that ended
-- without a settlement count as an attempt. deaths: how many attempts ended with their process; NULL while
-- no lease has ended without a settlement. See packages/queue/src/tasks/lease/lapsed-lease.ts.
ALTER TABLE tasks ADD COLUMN begun boolean, ADD COLUMN deaths bigint;
