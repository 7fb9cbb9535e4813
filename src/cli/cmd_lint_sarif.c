/*
 * lint --sarif: the findings in the form that code review reads, Static Analysis Results
 * Interchange Format 2.1.0 (OASIS).
 *
 * A path in it is relative to the repository's directory, since that is what a review knows;
 * nothing of the machine that lint ran on is told. What the rules mean and what was found comes
 * from the library; only the form is made here.
 */
#include "cmd_lint_sarif.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "document.h"
#include "text.h"

static const char SCHEMA[] = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/"
                             "schemas/sarif-schema-2.1.0.json";

/* ---- paths ------------------------------------------------------------------------------ */

char *cmd_lint_sarif_root(const char *directory)
{
    char *root = strdup(directory);
    while (root != NULL && *root != '\0') {
        char *mark = text_format("%s/.git", root);
        if (mark == NULL) break;
        const bool is_there = access(mark, F_OK) == 0;
        free(mark);
        if (is_there) return root;
        char *last = strrchr(root, '/');
        *(last != NULL ? last : root) = '\0';
    }
    free(root);
    return strdup(directory);
}

/* Shorten an absolute path in place: no empty components, "." and "..", no '/' at its end. */
static void normalise(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0';) {
        const size_t slashes = strspn(from, "/");
        const char *name = from + slashes;
        const size_t length = strcspn(name, "/");
        from = name + length;
        if (length == 0 || (length == 1 && name[0] == '.')) continue;
        if (length == 2 && name[0] == '.' && name[1] == '.') {
            while (to > path && *--to != '/') continue;
            continue;
        }
        *to++ = '/';
        memmove(to, name, length);
        to += length;
    }
    *to = '\0';
}

/* How much two normalised paths have in common, in whole components. */
static size_t common_length(const char *one, const char *other)
{
    size_t common = 0;
    for (size_t i = 0;; i++) {
        const bool ends = one[i] == '\0' || one[i] == '/';
        const bool other_ends = other[i] == '\0' || other[i] == '/';
        if (ends && other_ends) common = i;
        if (one[i] != other[i] || one[i] == '\0') return common;
    }
}

/* Write path as a relative URI reference: what is not plain in one as %XX. */
static void put_escaped(FILE *stream, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~/";
    for (; *path != '\0'; path++) {
        if (strchr(plain, *path) != NULL)
            fputc(*path, stream);
        else
            fprintf(stream, "%%%02X", (unsigned char)*path);
    }
}

/* The URI of file, seen from root; yours to free(), NULL when memory runs out. */
static char *uri_of(const char *file, const char *directory, const char *root)
{
    char *path = file[0] == '/' ? strdup(file) : text_format("%s/%s", directory, file);
    char *from = strdup(root), *uri = NULL;
    size_t size = 0;
    FILE *stream = path != NULL && from != NULL ? open_memstream(&uri, &size) : NULL;
    if (stream != NULL) {
        normalise(path);
        normalise(from);
        const size_t common = common_length(path, from);
        for (const char *up = from + common; *up != '\0'; up++)
            if (*up == '/') fputs("../", stream);
        put_escaped(stream, path[common] == '/' ? path + common + 1 : path + common);
        if (fclose(stream) != 0) {
            free(uri);
            uri = NULL;
        }
    }
    free(path);
    free(from);
    return uri;
}

/* ---- the log ---------------------------------------------------------------------------- */

/* A rule's explanation as a page of Markdown. */
static json_t *help_of(const redferry_rule *rule)
{
    char *page = text_format("%s\n\nWrong:\n\n```yaml\n%s```\n\nRight:\n\n```yaml\n%s```\n",
                             rule->explanation, rule->wrong, rule->right);
    json_t *help = json_pack("{s:o, s:o}", "text", document_text(rule->explanation), "markdown",
                             page != NULL ? document_text(page) : NULL);
    free(page);
    return help;
}

static json_t *rule_entry(const redferry_rule *rule)
{
    return json_pack(
        "{s:o, s:o, s:{s:o}, s:{s:o}, s:o, s:{s:o}}", "id", document_text(rule->code), "name",
        document_text(rule->name), "shortDescription", "text", document_text(rule->summary),
        "fullDescription", "text", document_text(rule->explanation), "help", help_of(rule),
        "defaultConfiguration", "level", document_text(rule->severity));
}

static json_int_t rule_index(const redferry_lint_report *report, const char *code)
{
    for (size_t i = 0; i < report->rule_count; i++)
        if (strcmp(report->rules[i].code, code) == 0) return (json_int_t)i;
    return -1;
}

/* What is about a whole file is shown at its first line: a review has no other place for it. */
static json_t *region_of(const redferry_finding *finding)
{
    if (finding->line <= 0) return json_pack("{s:i}", "startLine", 1);
    return json_pack("{s:i, s:i}", "startLine", finding->line, "startColumn", finding->column);
}

static json_t *result_entry(const redferry_finding *finding, json_int_t rule, char *uri)
{
    json_t *artifact = json_pack("{s:s, s:s}", "uri", uri, "uriBaseId", "%SRCROOT%");
    json_t *location = json_pack("{s:{s:o, s:o}}", "physicalLocation", "artifactLocation",
                                 artifact, "region", region_of(finding));
    return json_pack("{s:o, s:I, s:o, s:{s:o}, s:[o]}", "ruleId", document_text(finding->code),
                     "ruleIndex", rule, "level", document_text(finding->severity), "message",
                     "text", document_text(finding->text), "locations", location);
}

struct json_t *cmd_lint_sarif(const redferry_lint_report *report, const char *directory,
                              const char *root)
{
    json_t *entries = json_array(), *results = json_array();
    int failed = entries == NULL || results == NULL;
    for (size_t i = 0; i < report->rule_count; i++)
        failed |= json_array_append_new(entries, rule_entry(&report->rules[i]));
    for (size_t i = 0; i < report->count; i++) {
        const redferry_finding *finding = &report->findings[i];
        char *uri = uri_of(finding->file, directory, root);
        json_t *result = result_entry(finding, rule_index(report, finding->code),
                                      uri != NULL ? uri : (char[]){""});
        failed |= uri == NULL || json_array_append_new(results, result) != 0;
        free(uri);
    }
    json_t *log = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
                            SCHEMA, "version", "2.1.0", "runs", "tool", "driver", "name",
                            "redferry", "semanticVersion", redferry_version(), "rules", entries,
                            "columnKind", "unicodeCodePoints", "results", results);
    if (failed == 0) return log;
    json_decref(log);
    return NULL;
}
