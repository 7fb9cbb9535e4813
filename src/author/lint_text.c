/*
 * A file's text once more: places that the migration no longer knows, and the comments that
 * allow a finding.
 *
 * YAML drops its comments, so they are looked for between the texts that libyaml says where
 * they begin and end; a '#' inside quotes or below a '|' is no comment, and is not met. What
 * the comments mean is decided here, what the rules mean is not.
 */
#include "lint_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "yaml.h"
#include "yaml_raw.h"

/* A code that a comment allows. */
struct allow {
    const struct lint_rule *rule; /* NULL: there is none, or none that can be allowed */
    const char *code;             /* as written; "" where none is */
    struct lint_place place;
    int first, last; /* lines that it counts for */
    bool whole;      /* the whole file */
    bool used;
    size_t order; /* among the comments of its file */
    struct allow *next;
};

struct lint_text {
    struct yaml_source source;
    struct yaml_node *root;           /* NULL: no YAML */
    const struct yaml_node **scalars; /* in their order */
    int *last_lines;                  /* of each */
    size_t scalar_count;
    const struct yaml_node **steps[2]; /* the elements of `up` and of `down` */
    size_t step_counts[2];
    size_t head; /* where the text above the first key ends */
    size_t seen; /* bytes whose line breaks are counted: */
    int lines;
    struct allow *allows, **end; /* in their order */
    struct allow **sorted;       /* by rule, then by the first line */
    int *reach;                  /* the last line that those of a rule count for, up to each */
    size_t allow_count;
    struct lint_text *next;
};

/* ---- texts ------------------------------------------------------------------------------ */

static size_t count_scalars(const struct yaml_node *node)
{
    size_t count = node->kind == YAML_TEXT;
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next)
        count += count_scalars(child);
    return count;
}

static bool is_block(const struct yaml_node *node)
{
    return node->style == YAML_LITERAL || node->style == YAML_FOLDED;
}

/* Behind the last byte of a text; libyaml takes the empty lines behind a block for its own. */
static size_t end_of(const struct lint_text *text, const struct yaml_node *node)
{
    size_t end = node->end_offset;
    if (!is_block(node)) return end;
    while (end > node->offset && strchr(" \t\r\n", text->source.bytes[end - 1]) != NULL) end--;
    return end;
}

/* The last line that a text stands on. */
static int last_line(const struct lint_text *text, const struct yaml_node *node)
{
    int lines = node->line;
    const size_t end = end_of(text, node);
    for (size_t i = node->offset; i < end; i++) lines += text->source.bytes[i] == '\n';
    return lines;
}

static void collect_scalars(struct lint_text *text, const struct yaml_node *node)
{
    if (node->kind == YAML_TEXT) {
        text->last_lines[text->scalar_count] = last_line(text, node);
        text->scalars[text->scalar_count++] = node;
    }
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next)
        collect_scalars(text, child);
}

/* Keep the elements of `up` and `down` where their numbers find them. */
static int collect_steps(struct lint_text *text, struct arena *arena)
{
    static const char *const keys[] = {"up", "down"};
    for (size_t i = 0; i < 2 && text->root->kind == YAML_MAPPING; i++) {
        const struct yaml_node *list = yaml_get(text->root, keys[i], NULL);
        if (list == NULL || list->kind != YAML_LIST) continue;
        text->steps[i] = arena_array(arena, list->count + 1, sizeof *text->steps[i]);
        if (text->steps[i] == NULL) return -1;
        for (const struct yaml_node *one = list->first; one != NULL; one = one->next)
            text->steps[i][text->step_counts[i]++] = one;
    }
    return 0;
}

/* ---- what a comment says ---------------------------------------------------------------- */

/* Where the text above the first key ends: blank lines, comments, and the document's mark. */
static size_t end_of_head(const struct yaml_source *source)
{
    size_t at = 0;
    while (at < source->length) {
        const size_t end = yaml_raw_line_end(source, at);
        size_t first = at;
        while (first < end && strchr(" \t", source->bytes[first]) != NULL) first++;
        const bool is_mark = end - at >= 3 && memcmp(source->bytes + at, "---", 3) == 0;
        if (first < end && source->bytes[first] != '#' && !is_mark) break;
        at = end < source->length ? end + 1 : end;
    }
    return at;
}

/* Whether nothing but blanks stands before the comment on its line. */
static bool is_alone(const struct yaml_source *source, size_t comment)
{
    for (size_t i = yaml_raw_line_begin(source, comment); i < comment; i++)
        if (strchr(" \t", source->bytes[i]) == NULL) return false;
    return true;
}

/* How many lines below a comment that has its line for itself the next line stands that is
 * neither blank nor a comment; 0 where there is none, or none near enough to be meant. */
static int lines_below(const struct yaml_source *source, size_t comment)
{
    enum { MOST = 200 };
    size_t at = comment;
    for (int lines = 1; lines <= MOST; lines++) {
        at = yaml_raw_line_end(source, at);
        if (at >= source->length) return 0;
        at++;
        size_t first = at;
        while (first < source->length && strchr(" \t", source->bytes[first]) != NULL) first++;
        if (first < source->length && strchr("#\r\n", source->bytes[first]) == NULL)
            return lines;
    }
    return 0;
}

/* The lines that a comment at place counts for. */
static void set_reach(const struct lint_text *text, struct allow *allow, size_t comment)
{
    const bool alone = is_alone(&text->source, comment);
    const int line = allow->place.line + (alone ? lines_below(&text->source, comment) : 0);
    allow->whole = alone && comment < text->head;
    allow->first = allow->last = line;
    size_t low = 0, high = text->scalar_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (text->last_lines[middle] < line)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < text->scalar_count && text->scalars[low]->line <= line; low++) {
        if (text->scalars[low]->line < allow->first) allow->first = text->scalars[low]->line;
        if (text->last_lines[low] > allow->last) allow->last = text->last_lines[low];
    }
}

/* Find the place of a comment. Comments come in their order, so the walk goes on where it
 * stopped. */
static void find_place(struct lint_text *text, struct lint_place *place, size_t comment)
{
    const char *bytes = text->source.bytes;
    for (; text->seen < comment; text->seen++) text->lines += bytes[text->seen] == '\n';
    place->file = text->source.file;
    place->line = text->lines + 1;
    place->column = 1;
    for (size_t i = yaml_raw_line_begin(&text->source, comment); i < comment; i++)
        if (((unsigned char)bytes[i] & 0xC0) != 0x80) place->column++;
}

/* Keep one more code of a comment; reach says where that stands, and what it counts for. */
static void add_allow(struct lint_report *report, struct lint_text *text,
                      const struct allow *reach, const char *code, size_t length)
{
    struct allow *allow = arena_alloc(&report->scratch, sizeof *allow);
    const char *copy = arena_copy(&report->scratch, code, length);
    if (allow == NULL || copy == NULL) {
        report->failed = true;
        return;
    }
    *allow = *reach;
    allow->order = text->allow_count++;
    allow->rule = lint_rule_find(copy);
    allow->code = copy;
    if (allow->rule != NULL && allow->rule->is_fixed) allow->rule = NULL;
    *text->end = allow;
    text->end = &allow->next;
}

/* Where text begins with word, and no letter goes on with it: the length, with the blanks
 * before and behind; else 0. */
static size_t skip_word(const char *text, size_t length, const char *word)
{
    size_t at = 0;
    while (at < length && strchr(" \t", text[at]) != NULL) at++;
    if (length - at < strlen(word) || memcmp(text + at, word, strlen(word)) != 0) return 0;
    at += strlen(word);
    if (at < length && isalpha((unsigned char)text[at - 1]) && isalpha((unsigned char)text[at]))
        return 0;
    while (at < length && strchr(" \t", text[at]) != NULL) at++;
    return at;
}

/* Take a comment in, from its '#' to its end: the codes that it allows, until a word follows
 * that is no code, which is the reason. */
static void read_comment(struct lint_report *report, struct lint_text *text, size_t begin,
                         size_t end)
{
    static const char *const words[] = {"redferry:", "allow"};
    const char *bytes = text->source.bytes;
    struct allow reach = {0};
    size_t at = begin + 1, codes = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t length = skip_word(bytes + at, end - at, words[i]);
        if (length == 0) return;
        at += length;
    }
    find_place(text, &reach.place, begin);
    set_reach(text, &reach, begin);
    while (at < end) {
        size_t length = 0;
        while (at + length < end && strchr(" \t,:;.", bytes[at + length]) == NULL) length++;
        const bool is_code = length > 2 && memcmp(bytes + at, "RF", 2) == 0;
        if (length > 0 && !is_code) break;
        if (is_code) add_allow(report, text, &reach, bytes + at, length);
        codes += is_code;
        at += length > 0 ? length : 1;
    }
    if (codes == 0) add_allow(report, text, &reach, "", 0);
}

/* Take in the comments of a piece that holds no text: a '#' there begins one, with a blank or
 * nothing before it. */
static void read_comments(struct lint_report *report, struct lint_text *text, size_t begin,
                          size_t end)
{
    const char *bytes = text->source.bytes;
    for (size_t i = begin; i < end; i++) {
        if (bytes[i] != '#' || (i > 0 && strchr(" \t\r\n", bytes[i - 1]) == NULL)) continue;
        const size_t line_end = yaml_raw_line_end(&text->source, i);
        read_comment(report, text, i, line_end);
        i = line_end;
    }
}

/* Between the texts, and behind the sign that begins a block. */
static void read_all_comments(struct lint_report *report, struct lint_text *text)
{
    size_t at = 0;
    for (size_t i = 0; i < text->scalar_count; i++) {
        const struct yaml_node *node = text->scalars[i];
        read_comments(report, text, at, node->offset);
        if (is_block(node))
            read_comments(report, text, node->offset,
                          yaml_raw_line_end(&text->source, node->offset));
        at = end_of(text, node);
    }
    read_comments(report, text, at, text->root != NULL ? text->source.length : text->head);
}

const struct lint_text *lint_text_read(struct lint_report *report, const char *file,
                                       const char *bytes, size_t length)
{
    struct lint_text *text = arena_alloc(&report->scratch, sizeof *text);
    struct error err = {0}; /* no YAML is no error here */
    if (text == NULL) {
        report->failed = true;
        return NULL;
    }
    text->source = (struct yaml_source){file, bytes, length};
    text->end = &text->allows;
    text->head = end_of_head(&text->source);
    if (yaml_parse(file, bytes, length, &report->scratch, &text->root, &err) == 0) {
        const size_t count = count_scalars(text->root) + 1;
        text->scalars = arena_array(&report->scratch, count, sizeof *text->scalars);
        text->last_lines = arena_array(&report->scratch, count, sizeof *text->last_lines);
        if (text->scalars == NULL || text->last_lines == NULL ||
            collect_steps(text, &report->scratch) != 0) {
            report->failed = true;
            return NULL;
        }
        collect_scalars(text, text->root);
    }
    if (err.code == ERROR_FAILED) report->failed = true;
    read_all_comments(report, text);
    text->next = report->texts;
    report->texts = text;
    return text;
}

/* ---- places ----------------------------------------------------------------------------- */

bool lint_text_is_down(const struct lint_subject *subject, const struct step *step)
{
    const struct steps *down = &subject->migration->down;
    return step >= down->items && step < down->items + down->count;
}

/* The mapping that a step was read from, or NULL. */
static const struct yaml_node *step_node(const struct lint_subject *subject,
                                         const struct step *step)
{
    const struct lint_text *text = subject->text;
    const size_t down = lint_text_is_down(subject, step);
    const size_t index = (size_t)step->number - 1;
    if (text == NULL || index >= text->step_counts[down]) return NULL;
    const struct yaml_node *node = text->steps[down][index];
    return node->kind == YAML_MAPPING ? node : NULL;
}

struct lint_place lint_text_key(const struct lint_subject *subject, const struct step *step,
                                const char *name)
{
    struct lint_place place = {subject->migration->file, step->line, step->column};
    const struct yaml_node *node = step_node(subject, step), *key = NULL;
    if (node == NULL || yaml_get(node, name, &key) == NULL) return place;
    place.line = key->line;
    place.column = key->column;
    return place;
}

struct lint_place lint_text_query(const struct lint_subject *subject, const struct step *step,
                                  size_t offset)
{
    struct lint_place place = {subject->migration->file, step->read_line, step->read_column};
    const struct yaml_node *node = step_node(subject, step);
    if (node != NULL) node = yaml_get(node, "read", NULL);
    if (node != NULL && node->kind == YAML_TEXT && offset < node->length)
        yaml_raw_text_place(&subject->text->source, node, offset, &place.line, &place.column);
    return place;
}

struct lint_place lint_text_command(const struct lint_subject *subject,
                                    const struct command *command)
{
    return (struct lint_place){subject->migration->file, command->line, command->column};
}

/* ---- what is allowed -------------------------------------------------------------------- */

static int by_rule(const void *left, const void *right)
{
    const struct allow *one = *(const struct allow *const *)left;
    const struct allow *other = *(const struct allow *const *)right;
    if (one->rule != other->rule) return (uintptr_t)one->rule < (uintptr_t)other->rule ? -1 : 1;
    if (one->whole != other->whole) return one->whole ? -1 : 1;
    if (one->first != other->first) return one->first < other->first ? -1 : 1;
    return (one->order > other->order) - (one->order < other->order);
}

/* Put a file's comments where their rules and lines find them. */
static int sort_allows(struct lint_text *text, struct arena *arena)
{
    size_t count = 0;
    text->sorted = arena_array(arena, text->allow_count + 1, sizeof *text->sorted);
    text->reach = arena_array(arena, text->allow_count + 1, sizeof *text->reach);
    if (text->sorted == NULL || text->reach == NULL) return -1;
    for (struct allow *one = text->allows; one != NULL; one = one->next)
        text->sorted[count++] = one;
    if (count > 1) qsort(text->sorted, count, sizeof *text->sorted, by_rule);
    for (size_t i = 0; i < count; i++) {
        const bool goes_on = i > 0 && text->sorted[i - 1]->rule == text->sorted[i]->rule;
        const int before = goes_on ? text->reach[i - 1] : 0;
        const int last = text->sorted[i]->whole ? 0 : text->sorted[i]->last;
        text->reach[i] = last > before ? last : before;
    }
    return 0;
}

/* How many comments are of a rule before this one, or of this one and begin at line or earlier.
 */
static size_t count_up_to(const struct lint_text *text, const struct lint_rule *rule, int line)
{
    size_t low = 0, high = text->allow_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct allow *allow = text->sorted[middle];
        const bool earlier = allow->rule != rule
                                 ? (uintptr_t)allow->rule < (uintptr_t)rule
                                 : line >= 0 && (allow->whole || allow->first <= line);
        if (earlier)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first comment of a file that counts for a rule in a line, or NULL. One for the whole file
 * stands above all others. */
static struct allow *find_allow(const struct lint_text *text, const struct lint_rule *rule,
                                int line)
{
    struct allow *found = NULL;
    const size_t begin = count_up_to(text, rule, -1), end = count_up_to(text, rule, line);
    if (begin < end && text->sorted[begin]->whole) return text->sorted[begin];
    for (size_t i = end; i > begin && text->reach[i - 1] >= line; i--) {
        struct allow *allow = text->sorted[i - 1];
        if (allow->last >= line && (found == NULL || allow->order < found->order))
            found = allow;
    }
    return found;
}

static int by_file(const void *left, const void *right)
{
    const struct lint_text *one = *(struct lint_text *const *)left;
    const struct lint_text *other = *(struct lint_text *const *)right;
    return strcmp(one->source.file, other->source.file);
}

/* The texts by the names of their files, *count of them; NULL where memory runs out. */
static struct lint_text **sort_texts(struct lint_report *report, size_t *count)
{
    *count = 0;
    for (struct lint_text *one = report->texts; one != NULL; one = one->next) {
        if (sort_allows(one, &report->scratch) != 0) return NULL;
        ++*count;
    }
    struct lint_text **texts = arena_array(&report->scratch, *count + 1, sizeof *texts);
    size_t at = 0;
    if (texts == NULL) return NULL;
    for (struct lint_text *one = report->texts; one != NULL; one = one->next) texts[at++] = one;
    if (*count > 1) qsort(texts, *count, sizeof *texts, by_file);
    return texts;
}

/* Whether a comment allows finding; then it is used. */
static bool is_allowed(struct lint_text *const *texts, size_t count,
                       const struct lint_finding *finding)
{
    const struct lint_text key = {.source = {.file = finding->place.file}};
    const struct lint_text *const wanted = &key;
    struct lint_text *const *text =
        count > 0 ? bsearch(&wanted, texts, count, sizeof *texts, by_file) : NULL;
    struct allow *allow =
        text != NULL ? find_allow(*text, finding->rule, finding->place.line) : NULL;
    if (allow != NULL) allow->used = true;
    return allow != NULL;
}

static void judge(struct lint_report *report, const struct allow *allow)
{
    if (allow->code[0] == '\0')
        lint_report_add(report, "RF103", allow->place,
                        "this comment allows nothing: it names "
                        "no code, as 'allow RF201' does");
    else if (allow->rule == NULL)
        lint_report_add(report, "RF103", allow->place, "%s '%s'",
                        lint_rule_find(allow->code) != NULL ? "no comment can allow"
                                                            : "there is no rule",
                        allow->code);
    else if (!allow->used && (!allow->rule->asks_database || report->asked_database))
        lint_report_add(report, "RF102", allow->place,
                        "%s is allowed here, and nothing here is against it", allow->code);
}

void lint_text_allow(struct lint_report *report)
{
    struct lint_finding **link = &report->findings;
    size_t count = 0;
    struct lint_text **texts = sort_texts(report, &count);
    if (texts == NULL) {
        report->failed = true;
        return;
    }
    report->last_finding = NULL;
    while (*link != NULL) {
        if (is_allowed(texts, count, *link)) {
            *link = (*link)->next;
            continue;
        }
        report->last_finding = *link;
        link = &(*link)->next;
    }
    for (struct lint_text *text = report->texts; text != NULL; text = text->next)
        for (struct allow *allow = text->allows; allow != NULL; allow = allow->next)
            judge(report, allow);
}
