#ifndef REDFERRY_SQL_TEXT_H
#define REDFERRY_SQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * As much of SQL's lexical structure as can be known without a server: where quotes ('…', "…",
 * `…`, […], E'…', $tag$…$tag$) and comments (--, nested slash-star) end, and so where a
 * statement ends and which word it begins with. It judges nothing else.
 */
struct sql_text {
    size_t begin; /* the first byte that is neither blank nor comment */
    size_t end;   /* behind the statement's last byte that is neither blank, comment nor ';' */
    size_t statements;    /* how many statements, empty ones not counted */
    size_t second;        /* where the second one begins; 0: there is none */
    const char *unclosed; /* what is left open at the end ("quote", "comment", …), or NULL */
    char keyword[16]; /* the first word, upper case; "" where it begins with another character;
                         cut off if longer */
};

/* Look through length bytes. */
struct sql_text sql_text_scan(const char *sql, size_t length);

/* Whether the statement can be read from: begins with SELECT, WITH, VALUES, TABLE or '('. */
bool sql_text_is_query(const struct sql_text *text, const char *sql);

/* Whether the statement would open, end or cut a transaction (BEGIN, START, COMMIT, END,
 * ROLLBACK, ABORT, SAVEPOINT, RELEASE, PREPARE TRANSACTION). */
bool sql_text_is_transaction_control(const struct sql_text *text, const char *sql);

/* Whether one of the words stands outside quotes and comments at parenthesis depth 0: for
 * finding an outermost ORDER BY. Case is ignored; words are separated in sql by blanks or
 * comments. Returns the offset of the first one, or -1. */
long sql_text_find(const char *sql, size_t length, const char *first_word,
                   const char *second_word);

#endif
