/* Syntax tree: exactly what the user wrote, with spans. Nothing here knows what a layer is.
 *
 * Numbers, dims, nets and groups share one expression grammar; the checker (network/sema*.c) gives every
 * expression its kind. Nodes live in the compilation's arena and are never changed after parsing. */
#ifndef ENTK_AST_H
#define ENTK_AST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"

typedef enum AstExprKind {
	AST_NAME,   /* NAME, or NAME "(" args ")" when `call` is set */
	AST_NUMBER, /* INTEGER or decimal; `is_integer` tells which */
	AST_DIMS,   /* 3x3, 32x32x3 */
	AST_STRING, /* between the quotes */
	AST_LIST,   /* [a, b, ...] */
	AST_ADD,    /* left-associative binary operators */
	AST_SUB,
	AST_MUL,
	AST_DIV,
	AST_COMPOSE, /* -> */
	AST_POWER,   /* ^, right-associative: a power, or repetition of a net */
	AST_NEGATE,
	AST_PAREN, /* kept, so that the tree prints back what was written */
	AST_POISON /* stands where the parser recovered; reports nothing further */
} AstExprKind;

#define AST_MAX_DIMS 3 /* longer DIMS are an error of the lexer */

/* Limits of the language, each with its own message (design section 2), and of hostile input. */
#define AST_MAX_NESTING       1000    /* brackets within brackets */
#define AST_MAX_DEPTH         10000   /* operators below operators, long chains included */
#define AST_MAX_ELEMENTS      100000u /* of one list, of the arguments of one call, of a def's parameters */
#define AST_MAX_NAME          255     /* bytes of a name */
#define AST_MAX_INCLUDE_DEPTH 100u    /* files that include files */

typedef struct AstExpr AstExpr;

typedef struct AstArg {
	const char *name; /* NULL for a positional argument */
	Span name_span;
	AstExpr *value;
} AstArg;

struct AstExpr {
	AstExprKind kind;
	Span span;      /* the whole expression */
	uint32_t depth; /* of the tree below and with this node; at most AST_MAX_DEPTH, so that walks may recurse */
	union {
		struct {
			const char *name;
			Span name_span;
			bool call;
			AstArg *args;
			uint32_t arg_count;
		} name; /* AST_NAME */
		struct {
			double value;
			bool is_integer;  /* then `integer` is exact */
			uint64_t integer; /* saturates at UINT64_MAX */
			const char *text; /* as written */
		} number;
		struct {
			uint64_t size[AST_MAX_DIMS];
			uint32_t count;
		} dims;
		struct {
			const char *text;
			size_t length;
		} string;
		struct {
			AstExpr **items;
			uint32_t count;
		} list;
		struct {
			AstExpr *left, *right;
			Span operator_span;
		} binary;
		struct {
			AstExpr *inner;
		} unary; /* AST_NEGATE, AST_PAREN */
	} as;
};

typedef enum AstItemKind {
	AST_INCLUDE,
	AST_LET,
	AST_PARAM,
	AST_DEFAULT,
	AST_GROUP,
	AST_ACTIVATION,
	AST_DEF,
	AST_NET
} AstItemKind;

typedef struct AstItem {
	AstItemKind kind;
	Span span;
	const char *name; /* LET PARAM GROUP ACTIVATION DEF NET */
	Span name_span;
	const char **params; /* DEF: its parameters; ACTIVATION: its variable */
	Span *param_spans;
	uint32_t param_count;
	AstExpr *value; /* the right-hand side; NULL for INCLUDE and DEFAULT */
	AstArg *args;   /* DEFAULT */
	uint32_t arg_count;
	const char *path;         /* INCLUDE: as written */
	struct AstFile *included; /* INCLUDE: parsed in place; NULL if already included before or failed */
} AstItem;

typedef struct AstFile {
	uint32_t file; /* index into the SourceSet */
	AstItem *items;
	uint32_t item_count;
} AstFile;

/* Parse a file and everything it includes. Reports through `diag`; returns what could be parsed (never NULL),
 * so that the checker can find further independent errors. Include cycles and depth are bounded. */
AstFile *parse_file(Arena *arena, SourceSet *sources, Diag *diag, uint32_t file);
/* A single expression: the EXPR of `--set NAME=EXPR`. NULL after an error. `file` was made by source_add. */
AstExpr *parse_expression(Arena *arena, SourceSet *sources, Diag *diag, uint32_t file);
/* `--set NAME=EXPR`: `text` becomes a file of its own. False after an error. */
bool parse_set_option(Arena *arena, SourceSet *sources, Diag *diag, const char *text, const char **name,
		      AstExpr **value, Span *span);

/* --emit=ast: one node per line, indented, with spans. */
void ast_print(const AstFile *file, const SourceSet *sources, FILE *to);
/* --format: canonical layout, comments kept. Idempotent. Returns false when the file has syntax errors. */
bool ast_format(const SourceSet *sources, uint32_t file, Diag *diag, Arena *arena, FILE *to);

#endif
