#ifndef REDFERRY_CYCLE_H
#define REDFERRY_CYCLE_H

#include <stdbool.h>

struct error;
struct migration;
struct migration_test;
struct stage;
struct test_expectation;
struct verdict;

/* A migration and its test. Both borrowed. */
struct play {
    const struct migration *migration;
    const struct migration_test *test; /* NULL: it has none */
};

/* What a run is to do with the migration. */
enum cycle_move {
    CYCLE_UP,       /* apply it, or go on with it */
    CYCLE_UP_AGAIN, /* from the start, though it is applied */
    CYCLE_DOWN,
    CYCLE_DOWN_ON, /* the same, or go on with it; nothing where it is undone already */
    CYCLE_FINISH   /* what `up` does where all is applied: send what was not announced */
};

/* One run of redferry on the stage, as its command would make it. Pauses are passed over, as
 * nearly as can be. Returns 0, or -1 with err. */
int cycle_run(struct stage *stage, const struct migration *migration, enum cycle_move move,
              struct error *err);

/* Hold Redis and the database against what is expected, messages not included, and note what
 * differs as of moment. Returns 0, or -1 with err where there is no answer. */
int cycle_check(struct stage *stage, const struct test_expectation *expected,
                const char *moment, struct verdict *verdict, struct error *err);

/* The whole of it: set the stage, apply, check, apply again, undo, check, apply. What is found
 * is in verdict. */
void cycle_perform(struct stage *stage, const struct play *play, struct verdict *verdict);

#endif
