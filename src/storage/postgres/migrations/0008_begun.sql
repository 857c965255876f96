-- Whether the attempt of the newest lease is known to have begun: a lease that ends without a word was
-- an attempt only then. And how many attempts ended with their process; NULL while no lease of the task
-- has ended without a word. See src/tasks/lapsed-lease.ts.
ALTER TABLE tasks ADD COLUMN begun boolean, ADD COLUMN deaths bigint;
