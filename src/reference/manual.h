#ifndef REDFERRY_MANUAL_H
#define REDFERRY_MANUAL_H

#include <stdio.h>

struct reference;

/* Write the manual page redferry(1) as mdoc: commands, options, variables and exit codes from
 * reference. */
void manual_put(FILE *out, const struct reference *reference);

#endif
