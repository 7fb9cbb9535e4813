#ifndef REDFERRY_YAML_RAW_H
#define REDFERRY_YAML_RAW_H

#include <stddef.h>

struct arena;
struct error;
struct yaml_node;

/* The document's own bytes, for what its tree no longer tells. Borrowed throughout. */
struct yaml_source {
    const char *file; /* as complaints name it */
    const char *bytes;
    size_t length;
};

/* The byte offset that lies count characters behind offset (at most the length). */
size_t yaml_raw_advance(const struct yaml_source *source, size_t offset, size_t count);

/* Where the line that holds offset begins, and where it ends without its line break. */
size_t yaml_raw_line_begin(const struct yaml_source *source, size_t offset);
size_t yaml_raw_line_end(const struct yaml_source *source, size_t offset);

/* The line and column (from 1, in characters) of offset. */
void yaml_raw_place(const struct yaml_source *source, size_t offset, int *line, int *column);

/* Length bytes as a YAML text in quotes, terminated, in arena; NULL when memory runs out. */
const char *yaml_raw_quoted(struct arena *arena, const char *bytes, size_t length);

/* What stands between offset and the end of its line, without blanks around it, in quotes; as
 * above. */
const char *yaml_raw_quoted_line(const struct yaml_source *source, size_t offset,
                                 struct arena *arena);

/*
 * What a person may have meant as part of a command, message or query, and YAML takes away.
 * Each returns 0 where nothing is lost, or -1 with err at node, showing what to write instead.
 * what names the text in the complaint ("command").
 */

/* A comment behind plain text that begins with '#' and no blank, or holds '${'. */
int yaml_raw_check_comment(const struct yaml_source *source, const struct yaml_node *node,
                           const char *what, struct error *err);

/* A text that goes on over several lines of the file, which YAML makes one. '|' keeps them. */
int yaml_raw_check_one_line(const struct yaml_source *source, const struct yaml_node *node,
                            const char *what, struct error *err);

/* A '--' in a query whose lines YAML makes one: the comment would not end. */
int yaml_raw_check_query(const struct yaml_source *source, const struct yaml_node *node,
                         const char *what, struct error *err);

/* Complain at node, which is not a text although what was asked for is: mostly a ': ' made a
 * mapping of it. Returns -1. */
int yaml_raw_not_text(const struct yaml_source *source, const struct yaml_node *node,
                      const char *what, struct error *err);

/* The place of the byte at text_offset of node's text: exact in a '|' text and in plain text
 * of one line, else where node begins. */
void yaml_raw_text_place(const struct yaml_source *source, const struct yaml_node *node,
                         size_t text_offset, int *line, int *column);

#endif
