#ifndef REDFERRY_DRAFT_SAMPLE_H
#define REDFERRY_DRAFT_SAMPLE_H

struct draft;

/* Append the test of the draft's migration to its text. What goes wrong, the draft remembers.
 */
void draft_sample_write(struct draft *draft);

#endif
