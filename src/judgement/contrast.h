#ifndef REDFERRY_CONTRAST_H
#define REDFERRY_CONTRAST_H

struct error;
struct likeness_rule;
struct test_value;
struct verdict;
struct verdict_difference;

/* Two trees, settled by one rule, that are not alike. All borrowed. */
struct contrast {
    const struct test_value *expected, *got;
    const struct likeness_rule *rule;
};

/*
 * Note in verdict what the two trees differ in: whole where both are short, else the parts that
 * differ, each by itself. difference says where and of what; its own expected and got do not
 * count. Returns 0, or -1 with err (no memory).
 */
int contrast_note(const struct contrast *contrast, const struct verdict_difference *difference,
                  struct verdict *verdict, struct error *err);

#endif
