#ifndef REDFERRY_REMARK_H
#define REDFERRY_REMARK_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct outcome;
struct session;

/* What a person may tell the ledger without running anything. */
enum remark { REMARK_MARK, REMARK_UNMARK, REMARK_REPAIR };

/* Tell the ledger so of each version, in turn with other runners. Versions for which it is so
 * already are left out of *outcome. Returns 0 or -1 with err. */
int remark_make(struct session *session, enum remark remark, const int64_t *versions,
                size_t count, struct outcome *outcome, struct error *err);

#endif
