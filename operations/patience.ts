/**
 * Seconds that a job may take which reads or writes a whole database. 100 GB take a few hours; a job that takes longer than
 * a day is stuck.
 */
export const DATABASE_PATIENCE = 24 * 3600;
