/*
 * What lint found, as lists: findings and promises are added in any order by whoever judges
 * files, and are put in the order in which a person reads them.
 *
 * It judges nothing itself, and knows nothing of the comments that silence a finding.
 */
#include "lint_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

struct lint_finding *lint_report_add(struct lint_report *report, const char *code,
                                     struct lint_place place, const char *format, ...)
{
    struct error words = {0};
    struct lint_finding *finding = arena_alloc(report->arena, sizeof *finding);
    const struct lint_rule *rule = lint_rule_find(code);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words.message, sizeof words.message, format, arguments);
    va_end(arguments);
    const char *text = arena_text(report->arena, words.message);
    if (finding == NULL || text == NULL || rule == NULL) {
        report->failed = true;
        return NULL;
    }
    *finding = (struct lint_finding){
        .rule = rule, .severity = rule->severity, .place = place, .text = text};
    if (report->last_finding != NULL)
        report->last_finding->next = finding;
    else
        report->findings = finding;
    report->last_finding = finding;
    return finding;
}

void lint_report_soften(struct lint_finding *finding, enum lint_severity severity)
{
    if (finding != NULL && severity < finding->severity) finding->severity = severity;
}

void lint_report_promise(struct lint_report *report, const struct lint_promise *promise)
{
    struct lint_promise *copy = arena_alloc(report->arena, sizeof *copy);
    if (copy == NULL) {
        report->failed = true;
        return;
    }
    *copy = *promise;
    if (report->last_promise != NULL)
        report->last_promise->next = copy;
    else
        report->promises = copy;
    report->last_promise = copy;
}

/* ---- order ------------------------------------------------------------------------------ */

/* Whether one is to be read before other. */
static bool stands_before(const struct lint_finding *one, const struct lint_finding *other)
{
    const int files = strcmp(one->place.file, other->place.file);
    if (files != 0) return files < 0;
    if (one->place.line != other->place.line) return one->place.line < other->place.line;
    if (one->place.column != other->place.column)
        return one->place.column < other->place.column;
    return strcmp(one->rule->code, other->rule->code) < 0;
}

/* Merge two sorted lists; what is equal stays as it was, one before other. */
static struct lint_finding *merge(struct lint_finding *one, struct lint_finding *other)
{
    struct lint_finding *first = NULL, **end = &first;
    while (one != NULL && other != NULL) {
        struct lint_finding **from = stands_before(other, one) ? &other : &one;
        *end = *from;
        end = &(*end)->next;
        *from = *end;
    }
    *end = one != NULL ? one : other;
    return first;
}

static struct lint_finding *sort(struct lint_finding *list, size_t count)
{
    if (count < 2) {
        if (list != NULL) list->next = NULL;
        return list;
    }
    struct lint_finding *rest = list;
    for (size_t i = 0; i < count / 2; i++) rest = rest->next;
    struct lint_finding *later = sort(rest, count - count / 2);
    return merge(sort(list, count / 2), later);
}

int lint_report_finish(struct lint_report *report, struct error *err)
{
    size_t count = 0;
    for (const struct lint_finding *one = report->findings; one != NULL; one = one->next) {
        report->errors += one->severity == LINT_ERROR;
        report->warnings += one->severity == LINT_WARNING;
        report->notes += one->severity == LINT_NOTE;
        count++;
    }
    report->findings = sort(report->findings, count);
    report->failed = report->failed || report->arena->failed || report->scratch.failed;
    return report->failed ? error_memory(err) : 0;
}
