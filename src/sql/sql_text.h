#ifndef REDFERRY_SQL_TEXT_H
#define REDFERRY_SQL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * As much of SQL's lexical structure as can be known without a server: where quotes ('…', "…",
 * `…`, […], E'…', $tag$…$tag$) and comments (--, nested slash-star) end, and so where a
 * statement ends and which word it begins with. A ';' in parentheses or in the BEGIN … END of a
 * routine or trigger that is created ends no statement. It judges nothing else.
 */
struct sql_text {
    size_t begin; /* the first byte that is neither blank nor comment */
    size_t end;   /* behind the statement's last byte that is neither blank, comment nor ';' */
    size_t statements;      /* how many statements, empty ones not counted */
    size_t second;          /* where the second one begins; 0: there is none */
    const char *unclosed;   /* what is left open at the end ("quote", "dollar quote", "comment",
                               "parenthesis"), or NULL */
    bool stray_parenthesis; /* a ')' that nothing opened: it would end what the query is put in
                             */
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

/* Where first_word stands outside quotes, comments and parentheses, with second_word (may be
 * NULL) behind it: for finding an outermost ORDER BY. Case is ignored; blanks or comments may
 * stand between the words. Returns the offset of the first place, or -1. */
long sql_text_find(const char *sql, size_t length, const char *first_word,
                   const char *second_word);

/* What a statement is made of: a word, which may be a name; a name or a string in quotes; one
 * other character, or a number. */
enum sql_token_kind { SQL_TOKEN_END, SQL_TOKEN_WORD, SQL_TOKEN_QUOTED, SQL_TOKEN_SYMBOL };

struct sql_token {
    enum sql_token_kind kind;
    size_t begin, end;
};

/* All tokens of length bytes, and behind them one of kind SQL_TOKEN_END that does not count.
 * Returns them in arena, or NULL where memory runs out. */
struct sql_token *sql_text_tokens(const char *sql, size_t length, struct arena *arena,
                                  size_t *count);

/* Where something stands. */
struct sql_text_place {
    size_t begin, end;
};

/* Whether the one statement in length bytes says SELECT … FROM table, with an ORDER BY behind
 * it at most, and nothing that could leave rows out, or add some: then *table is where the name
 * stands, quotes included. An aggregate in place of … is not told apart. Where in doubt, false.
 */
bool sql_text_find_whole_table(const char *sql, size_t length, struct sql_text_place *table);

#endif
