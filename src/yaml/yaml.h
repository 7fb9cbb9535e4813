#ifndef REDFERRY_YAML_H
#define REDFERRY_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAPPING };
enum yaml_style { YAML_PLAIN, YAML_QUOTED, YAML_LITERAL, YAML_FOLDED };

/*
 * One node of a strictly read document. Every scalar is text. Nodes live in the arena. A
 * mapping's children are key, value, key, value, … by next; a list's are its elements.
 */
struct yaml_node {
    enum yaml_kind kind;
    enum yaml_style style; /* of a text */
    bool flow;             /* stands inside […] or {…} */
    int line, column;      /* from 1, where it begins */
    int end_line;          /* where it ends */
    size_t offset;         /* byte where it begins in the document */
    size_t end_offset;
    const char *text; /* terminated */
    size_t length;
    struct yaml_node *first;
    struct yaml_node *next;
    size_t count; /* elements, or pairs */
};

/*
 * Read length bytes (with a NUL behind them) as one YAML document, strictly: UTF-8, no aliases,
 * anchors, tags, merge keys or directives, no duplicate keys, no keys that are not text, at
 * most 32 levels, not empty. file is named in complaints. Returns 0 with *root in arena, or -1
 * with err: FILE:LINE:COLUMN: what is wrong.
 */
int yaml_parse(const char *file, const char *bytes, size_t length, struct arena *arena,
               struct yaml_node **root, struct error *err);

/* The value of key in a mapping, or NULL. *name (may be NULL) becomes the key's own node. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key,
                                 const struct yaml_node **name);

/* Fill err with "FILE:LINE:COLUMN: …" at node. Returns -1. */
int yaml_error(struct error *err, const char *file, const struct yaml_node *node,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
