/* What grammar/entk.l, grammar/entk.y and syntax/ share: the state of one parse, and the constructors that the
 * grammar's actions call. Nobody else includes this. */
#ifndef ENTK_PARSER_H
#define ENTK_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "syntax/ast.h"

typedef struct ParserText {
	const char *text;
	size_t length;
} ParserText;

/* Growing arrays; only the elements are kept in the tree. */
typedef struct AstExprs {
	AstExpr **items;
	uint32_t count, capacity;
	uint32_t depth; /* of the deepest element */
} AstExprs;

typedef struct AstArgs {
	AstArg *items;
	uint32_t count, capacity;
	uint32_t depth;
} AstArgs;

typedef struct AstNames {
	const char **names;
	Span *spans;
	uint32_t count, capacity;
} AstNames;

/* A token or comment, for the formatter. */
typedef struct ParserToken {
	int kind; /* as bison numbers it; PARSER_COMMENT */
	Span span;
} ParserToken;

enum { PARSER_COMMENT = -1 };

typedef struct ParserBracket {
	Span span;
	char open;
} ParserBracket;

/* What may stand where the user wrote something else. */
typedef struct ParserWanted {
	bool item, name, string, expression, op, equals, open, close, close_list, comma, end;
} ParserWanted;

typedef struct Parser {
	Arena *arena;
	const SourceSet *sources;
	Diag *diag;
	uint32_t file;

	void *scanner;
	int start_token;   /* handed to the grammar first; 0 afterwards */
	uint32_t position; /* offset of the scanner's next byte */
	Span span;         /* of the scanner's last token */
	uint32_t last_end; /* where the token before the end of the file ended */
	/* the scanner's last token's value */
	const char *name;
	AstExpr *literal;
	ParserText string;

	ParserBracket brackets[AST_MAX_NESTING];
	uint32_t bracket_count;
	ParserBracket closed; /* the one that the last closing bracket closed; open == 0: none */

	bool item_failed;  /* an error of this item has been reported: further ones may follow from it */
	bool value_failed; /* and what stands behind its "=" would only cause more of them: poison */
	bool skipping;     /* throw tokens away until the next item */

	AstItem *items;
	uint32_t item_count, item_capacity;
	AstExpr *expression;

	bool keep_tokens; /* collect tokens and comments */
	ParserToken *tokens;
	uint32_t token_count, token_capacity;
} Parser;

/* Report an error of the current item; always false. Errors after the first one of an item are dropped. */
bool parser_error(Parser *parser, Span span, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same, and nothing more of this item is read. */
bool parser_error_skip(Parser *parser, Span span, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Unexpected token at `span`: the report says what was wanted. */
void parser_unexpected(Parser *parser, Span span, bool at_end, const ParserWanted *wanted);
void parser_begin_item(Parser *parser);
/* Parse the file with START_FILE or START_EXPRESSION of the grammar. */
void parser_run(Parser *parser, int start_token);
void parser_keep_token(Parser *parser, int kind, Span span);

/* ---- tokens with a value, or what is wrong with them (syntax/token.c); the value goes into the fields above ---- */

void token_name(Parser *parser, const char *text, size_t length);
void token_number(Parser *parser, const char *text, size_t length);
void token_bad_number(Parser *parser, const char *text, size_t length);
void token_dims(Parser *parser, const char *text, size_t length);
void token_string(Parser *parser, const char *text, size_t length);
void token_open_string(Parser *parser, const char *text, size_t length);
void token_unexpected(Parser *parser, const char *text, size_t length);

/* ---- constructors: one for each action of the grammar (syntax/ast.c) ---- */

AstExpr *ast_poison(Parser *parser, Span span);
AstExpr *ast_name(Parser *parser, Span span, const char *name);
AstExpr *ast_call(Parser *parser, Span span, const char *name, Span name_span, const AstArgs *args);
AstExpr *ast_string(Parser *parser, Span span, ParserText string);
AstExpr *ast_list(Parser *parser, Span span, const AstExprs *items);
AstExpr *ast_binary(Parser *parser, AstExprKind kind, AstExpr *left, Span operator_span, AstExpr *right);
AstExpr *ast_unary(Parser *parser, AstExprKind kind, Span span, AstExpr *inner);

AstExprs *ast_exprs(Parser *parser, AstExprs *list, AstExpr *expr); /* NULL: a new list */
AstArgs *ast_args(Parser *parser, AstArgs *list, AstArg arg);
AstNames *ast_names(Parser *parser, AstNames *list, const char *name, Span span);

void ast_item_include(Parser *parser, Span span, Span path_span, ParserText path);
void ast_item_default(Parser *parser, Span span, const AstArgs *args);
void ast_item(Parser *parser, AstItemKind kind, Span span, const char *name, Span name_span, const AstNames *params,
	      AstExpr *value);

#endif
