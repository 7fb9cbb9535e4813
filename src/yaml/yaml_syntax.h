#ifndef REDFERRY_YAML_SYNTAX_H
#define REDFERRY_YAML_SYNTAX_H

struct error;
struct yaml_parser_s;
struct yaml_source;

/* Say in err what libyaml's parser stumbled over: FILE:LINE:COLUMN, in our own words where
 * there are some, with the text in quotes where quotes would help. Returns -1. */
int yaml_syntax_error(struct error *err, const struct yaml_source *source,
                      const struct yaml_parser_s *parser);

#endif
