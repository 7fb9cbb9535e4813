#ifndef REDFERRY_DRAFT_SCHEMAS_H
#define REDFERRY_DRAFT_SCHEMAS_H

struct error;

/* Put the two schemas that the first lines of migrations and tests name (scaffold.h) into
 * directory/.redferry/, where they are not there or are another release's. Returns 0, or -1
 * with err. */
int draft_schemas_write(const char *directory, struct error *err);

#endif
