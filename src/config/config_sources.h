#ifndef REDFERRY_CONFIG_SOURCES_H
#define REDFERRY_CONFIG_SOURCES_H

struct config;
struct config_value;
struct error;

/* Keep what the environment says of settings that no flag has spoken of. Returns 0, or -1 with
 * err (ERROR_INVALID): a variable and its NAME_FILE, a file that cannot be read. */
int config_sources_environment(struct config *config, struct error *err);

/* Keep what redferry.yaml says, or the file that `config` names, which must be there; the one
 * beside the migrations may. Returns 0, or -1 with err (ERROR_INVALID): FILE:LINE:COLUMN. */
int config_sources_files(struct config *config, struct error *err);

/* Read a variable that NAME_FILE may stand in for into *said; its text stays NULL where neither
 * is set. Texts are borrowed from the environment, or live in config's arena. Returns 0, or -1
 * with err. */
int config_sources_variable(struct config *config, const char *name, struct config_value *said,
                            struct error *err);

#endif
