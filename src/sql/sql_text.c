/*
 * Where a SQL statement begins and ends, by its lexical structure alone.
 *
 * Files are checked before anything is connected to, so that two statements in a `read`, an
 * open quote, or a COMMIT are found by `lint`, with their place. Both dialects are read at
 * once; where they differ the reading is the one that both can be written in: comments nest
 * (PostgreSQL), […] and `…` are quotes (SQLite), unless a bracket can only be a subscript or an
 * ARRAY.
 *
 * It is no parser and judges nothing else: that is the server's.
 */
#include "sql_text.h"

#include <string.h>
#include <strings.h>

#include "arena.h"

struct lexer {
    const char *sql;
    size_t length;
    size_t at;
    const char *unclosed;
    int brackets;            /* subscripts that are open */
    struct sql_token before; /* the last token */
};

static char peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->length ? lexer->sql[at] : '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool continues_word(char c)
{
    return starts_word(c) || is_digit(c) || c == '$';
}

/* ---- blanks and comments ----------------------------------------------------------------- */

static void skip_line_comment(struct lexer *lexer)
{
    while (lexer->at < lexer->length && peek(lexer, 0) != '\n' && peek(lexer, 0) != '\r')
        lexer->at++;
}

static void skip_block_comment(struct lexer *lexer)
{
    int depth = 0;
    do {
        if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*') {
            depth++;
            lexer->at += 2;
        } else if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            depth--;
            lexer->at += 2;
        } else {
            lexer->at++;
        }
    } while (depth > 0 && lexer->at < lexer->length);
    if (depth > 0) lexer->unclosed = "comment";
}

static void skip_blanks(struct lexer *lexer)
{
    while (lexer->at < lexer->length) {
        if (is_blank(peek(lexer, 0)))
            lexer->at++;
        else if (peek(lexer, 0) == '-' && peek(lexer, 1) == '-')
            skip_line_comment(lexer);
        else if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*')
            skip_block_comment(lexer);
        else
            return;
    }
}

/* ---- quotes ------------------------------------------------------------------------------ */

/* From the opening quote to behind the closing one; a doubled one does not close. */
static void skip_quoted(struct lexer *lexer, char close, bool escapes)
{
    for (lexer->at++; lexer->at < lexer->length; lexer->at++) {
        char c = peek(lexer, 0);
        bool doubled = c == close && peek(lexer, 1) == close && close != ']';
        if (doubled || (escapes && c == '\\' && lexer->at + 1 < lexer->length)) {
            lexer->at++;
        } else if (c == close) {
            lexer->at++;
            return;
        }
    }
    lexer->unclosed = "quote";
}

/* E'…', which goes on in a quote on a later line, with nothing between them but blanks. */
static void skip_escape_string(struct lexer *lexer)
{
    for (;;) {
        skip_quoted(lexer, '\'', true);
        size_t closed = lexer->at;
        skip_blanks(lexer);
        bool new_line = memchr(lexer->sql + closed, '\n', lexer->at - closed) != NULL;
        if (peek(lexer, 0) != '\'' || !new_line) {
            lexer->at = closed;
            return;
        }
    }
}

/* The length of the $tag$ that stands here, or 0. */
static size_t dollar_tag(const struct lexer *lexer)
{
    size_t length = 1;
    if (starts_word(peek(lexer, 1)))
        while (starts_word(peek(lexer, length)) || is_digit(peek(lexer, length))) length++;
    return peek(lexer, length) == '$' ? length + 1 : 0;
}

static void skip_dollar_quoted(struct lexer *lexer, size_t tag_length)
{
    const char *tag = lexer->sql + lexer->at;
    size_t body = lexer->at + tag_length;
    const char *close = memmem(lexer->sql + body, lexer->length - body, tag, tag_length);
    if (close == NULL) lexer->unclosed = "dollar quote";
    lexer->at = close == NULL ? lexer->length : (size_t)(close - lexer->sql) + tag_length;
}

static bool token_is(const struct lexer *lexer, const struct sql_token *token, const char *word)
{
    return token->kind == SQL_TOKEN_WORD && token->end - token->begin == strlen(word) &&
           strncasecmp(lexer->sql + token->begin, word, strlen(word)) == 0;
}

/* Whether the '[' here opens PostgreSQL's subscript or array and not SQLite's quoted name. */
static bool is_subscript(const struct lexer *lexer)
{
    if (lexer->brackets > 0 || token_is(lexer, &lexer->before, "ARRAY")) return true;
    char last = lexer->at > 0 ? lexer->sql[lexer->at - 1] : '\0';
    return continues_word(last) || (last != '\0' && strchr("\"')]", last) != NULL);
}

/* ---- tokens ------------------------------------------------------------------------------ */

static void skip_word(struct lexer *lexer)
{
    size_t begin = lexer->at;
    while (lexer->at < lexer->length && continues_word(peek(lexer, 0))) lexer->at++;
    bool one = lexer->at == begin + 1;
    if (one && (lexer->sql[begin] | 0x20) == 'e' && peek(lexer, 0) == '\'')
        skip_escape_string(lexer);
}

static enum sql_token_kind skip_token(struct lexer *lexer)
{
    char c = peek(lexer, 0);
    size_t tag = c == '$' ? dollar_tag(lexer) : 0;
    if (starts_word(c)) {
        skip_word(lexer);
        return SQL_TOKEN_WORD;
    }
    if (c == '\'' || c == '"' || c == '`') {
        skip_quoted(lexer, c, false);
        return SQL_TOKEN_QUOTED;
    }
    if (tag > 0) {
        skip_dollar_quoted(lexer, tag);
        return SQL_TOKEN_QUOTED;
    }
    if (c == '[' && !is_subscript(lexer)) {
        skip_quoted(lexer, ']', false);
        return SQL_TOKEN_QUOTED;
    }
    if (c == '[') lexer->brackets++;
    if (c == ']' && lexer->brackets > 0) lexer->brackets--;
    lexer->at++;
    if (is_digit(c))
        while (continues_word(peek(lexer, 0)) || peek(lexer, 0) == '.') lexer->at++;
    return SQL_TOKEN_SYMBOL;
}

static struct sql_token next_token(struct lexer *lexer)
{
    struct sql_token token = {.kind = SQL_TOKEN_END};
    skip_blanks(lexer);
    token.begin = lexer->at;
    if (lexer->at < lexer->length) token.kind = skip_token(lexer);
    token.end = lexer->at;
    if (token.kind == SQL_TOKEN_WORD && lexer->sql[token.end - 1] == '\'')
        token.kind = SQL_TOKEN_QUOTED;
    lexer->before = token;
    return token;
}

struct sql_token *sql_text_tokens(const char *sql, size_t length, struct arena *arena,
                                  size_t *count)
{
    struct sql_token *tokens = NULL;
    *count = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct lexer lexer = {.sql = sql, .length = length};
        size_t found = 0;
        for (struct sql_token token = next_token(&lexer); token.kind != SQL_TOKEN_END;
             token = next_token(&lexer)) {
            if (pass == 1) tokens[found] = token;
            found++;
        }
        if (pass == 1) *count = found;
        if (pass == 0) tokens = arena_array(arena, found + 1, sizeof *tokens);
        if (tokens == NULL) return NULL;
    }
    return tokens;
}

/* ---- statements -------------------------------------------------------------------------- */

/* What a ';' must stand outside of to end its statement. */
struct nesting {
    int parentheses;
    int blocks;   /* BEGIN … END of a routine's or a trigger's body */
    int words;    /* of the statement, so far */
    bool creates; /* begins with CREATE */
    bool has_body;
};

static bool is_one_of(const struct lexer *lexer, const struct sql_token *token,
                      const char *const *words)
{
    for (; *words != NULL; words++)
        if (token_is(lexer, token, *words)) return true;
    return false;
}

/* CREATE FUNCTION, PROCEDURE or TRIGGER may hold statements between BEGIN and END. */
static void follow_blocks(struct nesting *nesting, const struct lexer *lexer,
                          const struct sql_token *token)
{
    static const char *const bodied[] = {"FUNCTION", "PROCEDURE", "TRIGGER", NULL};
    enum { HEAD_WORDS = 4 }; /* CREATE OR REPLACE FUNCTION */

    nesting->words++;
    if (nesting->words == 1) nesting->creates = token_is(lexer, token, "CREATE");
    if (nesting->creates && nesting->words <= HEAD_WORDS && is_one_of(lexer, token, bodied))
        nesting->has_body = true;
    if (!nesting->has_body || nesting->parentheses > 0) return;
    if (token_is(lexer, token, "BEGIN"))
        nesting->blocks++;
    else if (nesting->blocks > 0 && token_is(lexer, token, "CASE"))
        nesting->blocks++;
    else if (nesting->blocks > 0 && token_is(lexer, token, "END"))
        nesting->blocks--;
}

static void keep_keyword(struct sql_text *text, const struct lexer *lexer,
                         const struct sql_token *token)
{
    size_t length = token->end - token->begin;
    if (token->kind != SQL_TOKEN_WORD) return;
    if (length > sizeof(text->keyword) - 1) length = sizeof(text->keyword) - 1;
    for (size_t i = 0; i < length; i++) {
        char c = lexer->sql[token->begin + i];
        text->keyword[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
}

static void open_statement(struct sql_text *text, const struct lexer *lexer,
                           const struct sql_token *token)
{
    text->statements++;
    if (text->statements == 2) text->second = token->begin;
    if (text->statements > 1) return;
    text->begin = token->begin;
    keep_keyword(text, lexer, token);
}

struct sql_text sql_text_scan(const char *sql, size_t length)
{
    struct sql_text text = {.begin = length, .end = length};
    struct lexer lexer = {.sql = sql, .length = length};
    struct nesting nesting = {0};
    bool open = false;

    for (;;) {
        struct sql_token token = next_token(&lexer);
        char symbol = token.kind == SQL_TOKEN_SYMBOL ? sql[token.begin] : '\0';
        if (token.kind == SQL_TOKEN_END) break;
        if (symbol == ';' && nesting.parentheses <= 0 && nesting.blocks == 0) {
            nesting = (struct nesting){0};
            open = false;
            continue;
        }
        if (!open) open_statement(&text, &lexer, &token);
        open = true;
        if (symbol == '(') nesting.parentheses++;
        if (symbol == ')' && --nesting.parentheses < 0) text.stray_parenthesis = true;
        if (token.kind == SQL_TOKEN_WORD) follow_blocks(&nesting, &lexer, &token);
        if (text.statements == 1) text.end = token.end;
    }
    text.unclosed = lexer.unclosed;
    if (text.unclosed == NULL && nesting.parentheses > 0) text.unclosed = "parenthesis";
    return text;
}

bool sql_text_is_query(const struct sql_text *text, const char *sql)
{
    static const char *const words[] = {"SELECT", "WITH", "VALUES", "TABLE"};
    if (text->statements == 0) return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text->keyword, words[i]) == 0) return true;
    return sql[text->begin] == '(';
}

bool sql_text_is_transaction_control(const struct sql_text *text, const char *sql)
{
    static const char *const words[] = {"BEGIN",    "START", "COMMIT",    "END",
                                        "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text->keyword, words[i]) == 0) return true;
    if (strcmp(text->keyword, "PREPARE") != 0) return false;
    return sql_text_find(sql + text->begin, text->end - text->begin, "PREPARE",
                         "TRANSACTION") == 0;
}

long sql_text_find(const char *sql, size_t length, const char *first_word,
                   const char *second_word)
{
    struct lexer lexer = {.sql = sql, .length = length};
    int depth = 0;
    long begin = -1; /* of the first word, where it was the last token */

    for (;;) {
        struct sql_token token = next_token(&lexer);
        char symbol = token.kind == SQL_TOKEN_SYMBOL ? sql[token.begin] : '\0';
        if (token.kind == SQL_TOKEN_END) return -1;
        if (symbol == '(') depth++;
        if (symbol == ')') depth--;
        if (begin >= 0 && token_is(&lexer, &token, second_word)) return begin;
        begin = depth == 0 && token_is(&lexer, &token, first_word) ? (long)token.begin : -1;
        if (begin >= 0 && second_word == NULL) return begin;
    }
}

/* ---- a whole table ------------------------------------------------------------------------
 */

/* The next token outside parentheses, one that opens them included. */
static struct sql_token next_outside(struct lexer *lexer)
{
    struct sql_token token = next_token(lexer);
    int depth = 0;
    if (token.kind != SQL_TOKEN_SYMBOL || lexer->sql[token.begin] != '(') return token;
    for (struct sql_token inner = token; inner.kind != SQL_TOKEN_END;
         inner = next_token(lexer)) {
        char symbol = inner.kind == SQL_TOKEN_SYMBOL ? lexer->sql[inner.begin] : '\0';
        if (symbol == '(') depth++;
        if (symbol == ')' && --depth == 0) break;
    }
    return token;
}

/* Go on behind the FROM of a SELECT that is not DISTINCT. */
static bool skip_select_list(struct lexer *lexer)
{
    struct sql_token token = next_outside(lexer);
    if (!token_is(lexer, &token, "SELECT")) return false;
    for (;;) {
        token = next_outside(lexer);
        if (token.kind == SQL_TOKEN_END || token_is(lexer, &token, "DISTINCT")) return false;
        if (token_is(lexer, &token, "FROM")) return true;
    }
}

static bool is_name(const struct sql_token *token)
{
    return token->kind == SQL_TOKEN_WORD || token->kind == SQL_TOKEN_QUOTED;
}

/* Whether an ORDER BY is all that follows. */
static bool ends_with_order(struct lexer *lexer, struct sql_token token)
{
    static const char *const others[] = {"LIMIT",  "OFFSET",    "UNION",
                                         "EXCEPT", "INTERSECT", NULL};
    if (token.kind == SQL_TOKEN_END) return true;
    if (!token_is(lexer, &token, "ORDER")) return false;
    do {
        token = next_outside(lexer);
        if (is_one_of(lexer, &token, others)) return false;
    } while (token.kind != SQL_TOKEN_END);
    return true;
}

bool sql_text_find_whole_table(const char *sql, size_t length, struct sql_text_place *table)
{
    struct lexer lexer = {.sql = sql, .length = sql_text_scan(sql, length).end};
    if (!skip_select_list(&lexer)) return false;
    struct sql_token token = next_outside(&lexer);
    if (!is_name(&token)) return false;
    *table = (struct sql_text_place){token.begin, token.end};
    token = next_outside(&lexer);
    if (token_is(&lexer, &token, "AS")) token = next_outside(&lexer);
    /* Another name for the table; WHERE and its like would not be the last word. */
    if (is_name(&token) && !token_is(&lexer, &token, "ORDER")) token = next_outside(&lexer);
    return ends_with_order(&lexer, token);
}
