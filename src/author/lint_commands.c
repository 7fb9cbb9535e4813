/*
 * What commands do that their author can hardly want: rules RF3, and messages that are sent too
 * early (RF503).
 *
 * A command is sent once for each row, and nobody sees its answer: most of the traps follow
 * from one of the two. Whether a key is the same for several rows is judged by the step's `key`
 * alone; of other columns nobody here knows whether they are unique.
 */
#include "lint_commands.h"

#include <string.h>
#include <strings.h>

#include "command.h"
#include "command_facts.h"
#include "lint_keys.h"
#include "lint_sql.h"
#include "lint_text.h"
#include "sql_query.h"
#include "template.h"

/* A step while its commands are judged. */
struct scene {
    const struct lint_subject *subject;
    const struct step *step;
    struct lint_keys keys; /* of its commands */
    bool many;             /* it may have several rows */
};

static bool is_called(const struct command *command, const char *const *names)
{
    if (command->facts == NULL) return false;
    for (; *names != NULL; names++)
        if (strcmp(command->facts->name, *names) == 0) return true;
    return false;
}

static bool is_literal(const struct template *template)
{
    const char *text = NULL;
    size_t length = 0;
    return template_is_literal(template, &text, &length);
}

/* Whether a command is the same for every row. */
static bool is_constant(const struct command *command)
{
    for (size_t i = 1; i < command->argument_count; i++)
        if (!is_literal(command->arguments[i])) return false;
    return true;
}

/* ---- slips ------------------------------------------------------------------------------ */

static bool check_name(const struct scene *scene, const struct command *command)
{
    const char *name = NULL, *nearest = NULL;
    size_t length = 0;
    struct lint_finding *finding = NULL;
    if (command->facts != NULL) return false;
    (void)template_is_literal(command->arguments[0], &name, &length);
    nearest = command_facts_nearest(name);
    finding = lint_report_add(
        scene->subject->report, "RF313", lint_text_command(scene->subject, command),
        "step '%s': redferry knows no command '%s'%s%s%s", scene->step->name, name,
        nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
        nearest != NULL ? "'?" : ": nothing is said of its keys, nor promised of a repeat");
    if (nearest == NULL) lint_report_soften(finding, LINT_NOTE);
    return nearest != NULL;
}

static bool check_arity(const struct scene *scene, const struct command *command)
{
    if (command_arity_fits(command)) return false;
    const int arity = command->facts->arity;
    const size_t least = (size_t)(arity < 0 ? -arity : arity);
    const struct lint_place place = lint_text_command(scene->subject, command);
    if (arity < 0 && command->argument_count >= least)
        lint_report_add(scene->subject->report, "RF312", place,
                        "step '%s': '%s' has a name without a value", scene->step->name,
                        command->text);
    else
        lint_report_add(scene->subject->report, "RF312", place,
                        "step '%s': '%s' has too %s arguments: %s takes %s%zu",
                        scene->step->name, command->text,
                        command->argument_count < least ? "few" : "many", command->facts->name,
                        arity < 0 ? "at least " : "", least - 1);
    return true;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || (unsigned char)c >= 0x80;
}

/* Whether text, which is taken literally, has column as $column or {column}. What follows a '$'
 * that was written twice is meant literally. */
static bool has_misspelt(const struct template_piece *piece, const char *column)
{
    const size_t length = strlen(column);
    for (size_t at = 1; length > 0 && at + length <= piece->length; at++) {
        const char before = piece->text[at - 1];
        const char behind = at + length < piece->length ? piece->text[at + length] : '\0';
        const bool is_marked =
            (before == '$' && !is_name_byte(behind)) ||
            (before == '{' && behind == '}' && (at < 2 || piece->text[at - 2] != '$'));
        if (is_marked && strncasecmp(piece->text + at, column, length) == 0) return true;
    }
    return false;
}

/* Whether a placeholder asks for '{column', of ${{column}}, or ' column '. */
static bool is_misnamed(const struct template_piece *piece, const char *column)
{
    const char *name = piece->text + strspn(piece->text, "{ ");
    const size_t length = strlen(column);
    return strncasecmp(name, column, length) == 0 && strlen(piece->text) > length &&
           name[length + strspn(name + length, " ")] == '\0';
}

/* Whether the command has this column in a way that is no placeholder. */
static bool misses_column(const struct command *command, const char *column)
{
    for (size_t i = 1; i < command->argument_count; i++) {
        size_t count = 0;
        const struct template_piece *pieces = template_pieces(command->arguments[i], &count);
        for (size_t j = 0; j < count; j++) {
            const enum template_piece_kind kind = pieces[j].kind;
            if (kind == TEMPLATE_LITERAL && has_misspelt(&pieces[j], column)) return true;
            if ((kind == TEMPLATE_VALUE || kind == TEMPLATE_VALUE_JSON) &&
                is_misnamed(&pieces[j], column))
                return true;
        }
    }
    return false;
}

static bool check_placeholders(const struct scene *scene, const struct command *command)
{
    const struct sql_query *query = lint_sql_of(scene->subject, scene->step);
    const char *column = NULL;
    for (size_t i = 0; column == NULL && i < scene->step->key_count; i++)
        if (misses_column(command, scene->step->key[i])) column = scene->step->key[i];
    for (size_t i = 0; column == NULL && i < query->column_count; i++)
        if (query->columns[i] != NULL && misses_column(command, query->columns[i]))
            column = query->columns[i];
    if (column == NULL) return false;
    lint_report_add(scene->subject->report, "RF314", lint_text_command(scene->subject, command),
                    "step '%s': '%s' has no value of '%s': a placeholder is written ${%s}",
                    scene->step->name, command->text, column, column);
    return true;
}

/* Keys between whose parts nothing stands: 1 and 23 are the same as 12 and 3. */
static void check_parts(const struct scene *scene, const struct command *command)
{
    enum { MOST = 64 };
    size_t positions[MOST];
    const size_t keys = command_keys(command, positions, MOST);
    for (size_t i = 0; i < keys && i < MOST; i++) {
        size_t count = 0;
        const struct template_piece *pieces =
            template_pieces(command->arguments[positions[i]], &count);
        for (size_t j = 1; j < count; j++) {
            if (pieces[j].kind != TEMPLATE_VALUE || pieces[j - 1].kind != TEMPLATE_VALUE)
                continue;
            lint_report_add(scene->subject->report, "RF315",
                            lint_text_command(scene->subject, command),
                            "step '%s': nothing stands between '${%s}' and '${%s}' in the key: "
                            "other values may give the same one",
                            scene->step->name, pieces[j - 1].text, pieces[j].text);
            return;
        }
    }
}

static bool has_star(const struct template *template)
{
    size_t count = 0;
    const struct template_piece *pieces = template_pieces(template, &count);
    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind == TEMPLATE_LITERAL &&
            memchr(pieces[i].text, '*', pieces[i].length) != NULL)
            return true;
    return false;
}

/* Keys that were most likely meant as a pattern, of commands for what is there already: the
 * star is a part of the name, and nothing is found. */
static void check_patterns(const struct scene *scene, const struct command *command)
{
    static const char *const names[] = {"DEL",      "UNLINK",    "EXPIRE",  "PEXPIRE",
                                        "EXPIREAT", "PEXPIREAT", "PERSIST", "RENAME",
                                        "RENAMENX", "COPY",      NULL};
    enum { MOST = 64 };
    size_t positions[MOST];
    const size_t keys = is_called(command, names) ? command_keys(command, positions, MOST) : 0;
    for (size_t i = 0; i < keys && i < MOST; i++) {
        if (!has_star(command->arguments[positions[i]])) continue;
        lint_report_add(scene->subject->report, "RF316",
                        lint_text_command(scene->subject, command),
                        "step '%s': '%s' takes no pattern: it means the one key that has a '*' "
                        "in its name",
                        scene->step->name, command->text);
        return;
    }
}

/* ---- one key, several rows -------------------------------------------------------------- */

static bool is_key_column(const struct step *step, const char *column)
{
    for (size_t i = 0; i < step->key_count; i++)
        if (strcasecmp(step->key[i], column) == 0) return true;
    return false;
}

/* How many columns of the step's key stand in one of count templates; -1 where any other column
 * does, of which nothing is known. */
static long count_key_columns(const struct step *step, const struct template *const *templates,
                              size_t count)
{
    long found = 0;
    for (size_t i = 0; i < count; i++) {
        const char *column = NULL;
        if (template_is_pairs(templates[i])) return -1;
        for (size_t j = 0; (column = template_column(templates[i], j)) != NULL; j++)
            if (!is_key_column(step, column)) return -1;
    }
    for (size_t k = 0; k < step->key_count; k++) {
        bool there = false;
        for (size_t i = 0; i < count; i++) {
            const char *column = NULL;
            for (size_t j = 0; (column = template_column(templates[i], j)) != NULL; j++)
                there = there || strcasecmp(step->key[k], column) == 0;
        }
        found += there;
    }
    return found;
}

/* Whether several rows surely render all these templates alike: they hold nothing, or only some
 * of the columns that make a row what it is. */
static bool are_shared(const struct scene *scene, const struct template *const *templates,
                       size_t count)
{
    if (!scene->many) return false;
    const long found = count_key_columns(scene->step, templates, count);
    if (found < 0) return false;
    return found == 0 || (size_t)found < scene->step->key_count;
}

/* The same of the command's first count arguments, at most two. */
static bool is_shared(const struct scene *scene, const struct command *command, size_t count)
{
    const struct template *const first[] = {command->arguments[1], command->arguments[2]};
    return are_shared(scene, first, count);
}

/* Whether each row writes over what the row before wrote: the same key, or the same field. */
static bool is_overwritten(const struct scene *scene, const struct command *command)
{
    static const char *const whole[] = {"SET", "SETEX", "PSETEX", "GETSET", NULL};
    static const char *const fields[] = {"HSET", "HMSET", "JSON.SET", "LSET", NULL};
    if (is_called(command, whole) && command->argument_count > 2)
        return is_shared(scene, command, 1) && !lint_keys_has_word(command, 3, "NX");
    if (!is_called(command, fields) || command->argument_count < 4) return false;
    return is_shared(scene, command, 2);
}

static bool check_overwritten(const struct scene *scene, const struct command *command)
{
    if (is_constant(command) || !is_overwritten(scene, command)) return false;
    lint_report_add(scene->subject->report, "RF302", lint_text_command(scene->subject, command),
                    "step '%s': '%s' writes to one place for several rows: only the last one's "
                    "value stays",
                    scene->step->name, command->text);
    return true;
}

/* The key of the step's that this one clears although the step fills it, or NULL. */
static const struct lint_key *cleared_key(const struct scene *scene,
                                          const struct command *command)
{
    size_t count = 0;
    const struct lint_key *clear = lint_keys_of(&scene->keys, scene->step, command, &count);
    for (size_t i = 0; i < count && scene->many; i++)
        if (clear[i].effect == LINT_REMOVES && clear[i].filler != NULL &&
            are_shared(scene, &clear[i].key, 1))
            return clear[i].filler;
    return NULL;
}

static bool check_cleared(const struct scene *scene, const struct command *command)
{
    static const char *const names[] = {"DEL", "UNLINK", NULL};
    if (!is_called(command, names)) return false;
    const struct lint_key *fill = cleared_key(scene, command);
    if (fill == NULL) return false;
    lint_report_add(scene->subject->report, "RF303", lint_text_command(scene->subject, command),
                    "step '%s': '%s' takes away, with every row, what '%s' put there for the "
                    "rows before",
                    scene->step->name, command->text, fill->command->text);
    return true;
}

static bool check_constant(const struct scene *scene, const struct command *command)
{
    const bool publishes = command_publishes(command);
    if (!scene->many || !is_constant(command)) return false;
    if (!publishes && !command_is_idempotent(command)) return false;
    lint_report_add(scene->subject->report, "RF301", lint_text_command(scene->subject, command),
                    publishes
                        ? "step '%s': '%s' tells the same for every row; the top-level "
                          "`publish` tells it once, when all rows are there"
                        : "step '%s': '%s' is sent for every row, and is always the same; "
                          "a step without `read` sends it once",
                    scene->step->name, command->text);
    return true;
}

/* ---- answers that nobody sees ------------------------------------------------------------ */

static bool check_answer(const struct scene *scene, const struct command *command)
{
    static const char *const keyspace[] = {"KEYS", "SCAN", "RANDOMKEY", "DBSIZE", NULL};
    static const char *const losses[] = {"SPOP",       "LPOP",       "RPOP",  "ZPOPMIN",
                                         "ZPOPMAX",    "LMPOP",      "ZMPOP", "XCLAIM",
                                         "XREADGROUP", "XAUTOCLAIM", NULL};
    static const char *const useful[] = {"TOUCH", NULL};
    const char *code = NULL, *text = NULL;
    if (command->facts == NULL || is_called(command, useful)) return false;
    if (is_called(command, keyspace)) {
        code = "RF305";
        text = "goes through the keys of everybody, and nobody sees its answer";
    } else if (is_called(command, losses)) {
        code = "RF308";
        text = "takes out what nobody sees: it is lost";
    } else if (!command->facts->writes) {
        code = "RF306";
        text = "only reads, and nobody sees its answer";
    } else {
        return false;
    }
    lint_report_add(scene->subject->report, code, lint_text_command(scene->subject, command),
                    "step '%s': '%s' %s", scene->step->name, command->text, text);
    return true;
}

/* ---- what a repeat does differently ------------------------------------------------------ */

static void check_expiry(const struct scene *scene, const struct command *command)
{
    const bool once = step_guarantee(scene->step, NULL) == GUARANTEE_EXACTLY_ONCE;
    if (lint_keys_expiry(command) != LINT_EXPIRES_AFTER) return;
    struct lint_finding *finding = lint_report_add(
        scene->subject->report, "RF304", lint_text_command(scene->subject, command),
        "step '%s': '%s' counts from the moment of this run%s", scene->step->name,
        command->text,
        once ? "; a repeat would begin anew"
             : ", and this step may be repeated: the time begins anew");
    if (once) lint_report_soften(finding, LINT_NOTE);
}

/* Keys that are renamed within one pattern may meet. */
static void check_rename(const struct scene *scene, const struct command *command)
{
    static const char *const names[] = {"RENAME", "RENAMENX", NULL};
    const struct lint_key *from = NULL, *to = NULL;
    size_t count = 0;
    if (!is_called(command, names)) return;
    const struct lint_key *keys = lint_keys_of(&scene->keys, scene->step, command, &count);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].effect == LINT_REMOVES)
            from = &keys[i];
        else
            to = &keys[i];
    }
    if (from == NULL || to == NULL || strcmp(from->shape, to->shape) != 0) return;
    lint_report_add(scene->subject->report, "RF309", lint_text_command(scene->subject, command),
                    "step '%s': '%s' renames within one pattern: a row may take the key that "
                    "another is still to be renamed from",
                    scene->step->name, command->text);
}

static void check_step(struct scene *scene)
{
    for (size_t i = 0; i < scene->step->command_count; i++) {
        const struct command *command = &scene->step->commands[i];
        if (check_name(scene, command) || check_arity(scene, command)) continue;
        if (check_placeholders(scene, command)) continue;
        check_parts(scene, command);
        check_patterns(scene, command);
        check_expiry(scene, command);
        check_rename(scene, command);
        if (check_answer(scene, command) || check_cleared(scene, command)) continue;
        if (check_constant(scene, command)) continue;
        (void)check_overwritten(scene, command);
    }
}

/* ---- too early ----------------------------------------------------------------------------
 */

/* The first command of a step that tells subscribers something, or NULL. */
static const struct command *first_message(const struct step *step)
{
    for (size_t i = 0; i < step->command_count; i++)
        if (command_publishes(&step->commands[i])) return &step->commands[i];
    return NULL;
}

static bool writes_keys(const struct step *step)
{
    for (size_t i = 0; i < step->command_count; i++) {
        const struct command *command = &step->commands[i];
        if (!command_publishes(command) && (command->facts == NULL || command->facts->writes))
            return true;
    }
    return false;
}

/* The first step behind this one that writes to one of its own keys, or NULL. */
static const struct step *late_writer(const struct lint_keys *keys, const struct step *step)
{
    size_t count = 0;
    const struct lint_key *own = lint_keys_of(keys, step, NULL, &count);
    for (size_t i = 0; i < count; i++)
        if (own[i].later != NULL) return own[i].later;
    return NULL;
}

/* A message is sent too early where a later step writes what it may be about: anything, where
 * its own step writes nothing, else one of that step's keys. */
static void check_messages(const struct lint_subject *subject, const struct lint_keys *keys,
                           const struct steps *steps)
{
    const struct step *next_writer = NULL;
    for (size_t i = steps->count; i-- > 0;) {
        const struct step *step = &steps->items[i];
        const struct command *message = first_message(step);
        const bool writes = writes_keys(step);
        const struct step *late = message == NULL ? NULL
                                  : writes        ? late_writer(keys, step)
                                                  : next_writer;
        if (late != NULL)
            lint_report_add(subject->report, "RF503", lint_text_command(subject, message),
                            "step '%s' publishes before step '%s' writes %s", step->name,
                            late->name, writes ? "to the same keys" : "anything");
        if (writes) next_writer = step;
    }
}

/* Whether a step may have several rows, as far as its query tells: not where it picks one by
 * its key, nor, where no key says what tells rows apart, by any column. Of a key with more
 * columns than any index has nothing is said. */
static bool has_many_rows(const struct lint_subject *subject, const struct step *step)
{
    enum { MOST = 64 };
    const struct sql_query *query = lint_sql_of(subject, step);
    if (step->read == NULL || query->is_one_row || step->key_count > MOST) return false;
    if (step->key_count == 0) return !sql_query_pins(query, NULL);
    for (size_t i = 0; i < step->key_count; i++)
        if (!sql_query_pins(query, step->key[i])) return true;
    return false;
}

void lint_commands_check(const struct lint_subject *subject)
{
    const struct steps *const lists[] = {&subject->migration->up, &subject->migration->down};
    struct arena *arena = &subject->report->scratch;
    for (size_t down = 0; down < 2; down++) {
        struct lint_keys keys;
        for (size_t i = 0; i < lists[down]->count; i++) {
            const struct step *step = &lists[down]->items[i];
            struct scene scene = {.subject = subject, .step = step};
            scene.many = has_many_rows(subject, step);
            if (lint_keys_read(&scene.keys, step, 1, arena) == 0)
                check_step(&scene);
            else
                subject->report->failed = true;
        }
        if (lint_keys_read(&keys, lists[down]->items, lists[down]->count, arena) == 0)
            check_messages(subject, &keys, lists[down]);
        else
            subject->report->failed = true;
    }
}
