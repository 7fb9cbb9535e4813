#ifndef REDFERRY_REHEARSAL_FILES_H
#define REDFERRY_REHEARSAL_FILES_H

struct error;
struct rehearsal;
struct rehearsal_wish;

/* Read the migrations that are wished for, or all of the directory, and their tests, into
 * rehearsal, which holds none. Returns 0, or -1 with err (ERROR_INVALID): what is wrong with a
 * file, or is none. */
int rehearsal_files_read(struct rehearsal *rehearsal, const struct rehearsal_wish *wish,
                         struct error *err);

#endif
