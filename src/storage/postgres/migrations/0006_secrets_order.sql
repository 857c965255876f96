-- In byte order, as all text keys are: what is copied from database to database goes in that order.
ALTER TABLE secrets ALTER COLUMN name TYPE text COLLATE "C";
