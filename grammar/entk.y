/* Grammar of entk (docs/language.md). Numbers, nets and groups share one expression grammar; the checker tells them
 * apart. Every action is one call of a constructor of syntax/ast.c.
 *
 * Errors: each item recovers by itself. What follows a bad item is thrown away up to the next keyword, for only items
 * begin with one. */

%define api.pure full
%define api.prefix {entk_yy}
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parser *parser}

%code requires {
#include "syntax/parser.h"
}

%code {
#define YYINITDEPTH 400
/* Room for an expression of AST_MAX_DEPTH operators within AST_MAX_NESTING brackets, whatever their kinds. */
#define YYMAXDEPTH 100000

#define YYLLOC_DEFAULT(current, rhs, n)                                                                              \
	do {                                                                                                         \
		if (n)                                                                                               \
			(current) = (Span){YYRHSLOC(rhs, 1).file, YYRHSLOC(rhs, 1).begin, YYRHSLOC(rhs, n).end};     \
		else                                                                                                 \
			(current) = (Span){YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end};       \
	} while (0)

int entk_yylex(ENTK_YYSTYPE *value, Span *span, Parser *parser);
static void entk_yyerror(const Span *span, Parser *parser, const char *message);
}

%union {
	const char *name;
	ParserText string;
	AstExpr *expr;
	AstExprs *exprs;
	AstArg arg;
	AstArgs *args;
	AstNames *names;
}

%token START_FILE START_EXPRESSION
%token INCLUDE "include" LET "let" PARAM "param" DEFAULT "default" GROUP "group" ACTIVATION "activation"
%token DEF "def" NET "net"
%token <name> NAME "a name"
%token <expr> NUMBER "a number" DIMS "dims"
%token <string> STRING "a string"
%token ARROW "->" PLUS "+" MINUS "-" TIMES "*" SLASH "/" POWER "^" EQUALS "="
%token OPEN "(" CLOSE ")" OPEN_LIST "[" CLOSE_LIST "]" COMMA ","
%token END 0 "the end of the file"

%left "+" "-"
%left "*" "/"
%left "->"
%precedence NEGATION
%right "^"

%type <expr> expr value
%type <exprs> exprs
%type <arg> arg
%type <args> args
%type <names> names

%start root

%%

root
	: START_FILE items
	| START_EXPRESSION expr                         { parser->expression = $2; }
	| START_EXPRESSION error
	;

items
	: %empty
	| items item
	| items error
	;

item
	: "include" begin STRING                        { ast_item_include(parser, @$, @3, $3); }
	| "include" begin error
	| "let" begin NAME "=" value                    { ast_item(parser, AST_LET, @$, $3, @3, NULL, $5); }
	| "let" begin NAME error
		{ ast_item(parser, AST_LET, @$, $3, @3, NULL, ast_poison(parser, @4)); }
	| "let" begin error
	| "param" begin NAME "=" value                  { ast_item(parser, AST_PARAM, @$, $3, @3, NULL, $5); }
	| "param" begin NAME error
		{ ast_item(parser, AST_PARAM, @$, $3, @3, NULL, ast_poison(parser, @4)); }
	| "param" begin error
	| "default" begin "(" args ")"                  { ast_item_default(parser, @$, $4); }
	| "default" begin error
	| "group" begin NAME "=" value                  { ast_item(parser, AST_GROUP, @$, $3, @3, NULL, $5); }
	| "group" begin NAME error
		{ ast_item(parser, AST_GROUP, @$, $3, @3, NULL, ast_poison(parser, @4)); }
	| "group" begin error
	| "activation" begin NAME "(" NAME ")" "=" value
		{ ast_item(parser, AST_ACTIVATION, @$, $3, @3, ast_names(parser, NULL, $5, @5), $8); }
	| "activation" begin NAME error
		{ ast_item(parser, AST_ACTIVATION, @$, $3, @3, NULL, ast_poison(parser, @4)); }
	| "activation" begin error
	| "def" begin NAME "=" value                    { ast_item(parser, AST_DEF, @$, $3, @3, NULL, $5); }
	| "def" begin NAME "(" names ")" "=" value      { ast_item(parser, AST_DEF, @$, $3, @3, $5, $8); }
	| "def" begin NAME "(" names ")" error
		{ ast_item(parser, AST_DEF, @$, $3, @3, $5, ast_poison(parser, @7)); }
	| "def" begin NAME error
		{ ast_item(parser, AST_DEF, @$, $3, @3, NULL, ast_poison(parser, @4)); }
	| "def" begin error
	| "net" begin NAME "=" value                    { ast_item(parser, AST_NET, @$, $3, @3, NULL, $5); }
	| "net" begin NAME error
		{ ast_item(parser, AST_NET, @$, $3, @3, NULL, ast_poison(parser, @4)); }
	| "net" begin error
	;

/* A keyword has been read: what follows is independent of errors before it. */
begin
	: %empty                                        { yyerrok; parser_begin_item(parser); }
	;

names
	: NAME                                          { $$ = ast_names(parser, NULL, $1, @1); }
	| names "," NAME                                { $$ = ast_names(parser, $1, $3, @3); }
	;

value
	: expr
	| error                                         { $$ = ast_poison(parser, @$); }
	;

expr
	: expr "+" expr                                 { $$ = ast_binary(parser, AST_ADD, $1, @2, $3); }
	| expr "-" expr                                 { $$ = ast_binary(parser, AST_SUB, $1, @2, $3); }
	| expr "*" expr                                 { $$ = ast_binary(parser, AST_MUL, $1, @2, $3); }
	| expr "/" expr                                 { $$ = ast_binary(parser, AST_DIV, $1, @2, $3); }
	| expr "->" expr                                { $$ = ast_binary(parser, AST_COMPOSE, $1, @2, $3); }
	| "-" expr %prec NEGATION                       { $$ = ast_unary(parser, AST_NEGATE, @$, $2); }
	| expr "^" expr                                 { $$ = ast_binary(parser, AST_POWER, $1, @2, $3); }
	| NAME                                          { $$ = ast_name(parser, @$, $1); }
	| NAME "(" ")"                                  { $$ = ast_call(parser, @$, $1, @1, NULL); }
	| NAME "(" args ")"                             { $$ = ast_call(parser, @$, $1, @1, $3); }
	| NUMBER
	| DIMS
	| STRING                                        { $$ = ast_string(parser, @$, $1); }
	| "[" "]"                                       { $$ = ast_list(parser, @$, NULL); }
	| "[" exprs "]"                                 { $$ = ast_list(parser, @$, $2); }
	| "(" expr ")"                                  { $$ = ast_unary(parser, AST_PAREN, @$, $2); }
	;

exprs
	: expr                                          { $$ = ast_exprs(parser, NULL, $1); }
	| exprs "," expr                                { $$ = ast_exprs(parser, $1, $3); }
	;

args
	: arg                                           { $$ = ast_args(parser, NULL, $1); }
	| args "," arg                                  { $$ = ast_args(parser, $1, $3); }
	;

arg
	: expr                                          { $$ = (AstArg){.value = $1}; }
	| NAME "=" expr                                 { $$ = (AstArg){$1, @1, $3}; }
	;

%%

static int yyreport_syntax_error(const yypcontext_t *context, Parser *parser)
{
	yysymbol_kind_t expected[64];
	int count = yypcontext_expected_tokens(context, expected, 64);
	ParserWanted wanted = {0};
	for (int i = 0; i < count; i++) {
		switch ((int)expected[i]) {
		case YYSYMBOL_LET: wanted.item = true; break; /* the other keywords come with it */
		case YYSYMBOL_NUMBER: wanted.expression = true; break;
		case YYSYMBOL_ARROW: wanted.op = true; break;
		case YYSYMBOL_NAME: wanted.name = true; break;
		case YYSYMBOL_STRING: wanted.string = true; break;
		case YYSYMBOL_EQUALS: wanted.equals = true; break;
		case YYSYMBOL_OPEN: wanted.open = true; break;
		case YYSYMBOL_CLOSE: wanted.close = true; break;
		case YYSYMBOL_CLOSE_LIST: wanted.close_list = true; break;
		case YYSYMBOL_COMMA: wanted.comma = true; break;
		case YYSYMBOL_YYEOF: wanted.end = true; break;
		}
	}
	parser_unexpected(parser, *yypcontext_location(context), yypcontext_token(context) == YYSYMBOL_YYEOF, &wanted);
	return 0;
}

/* Called for one thing only: the parser's stack has reached YYMAXDEPTH. */
static void entk_yyerror(const Span *span, Parser *parser, const char *message)
{
	(void)message;
	parser_error(parser, *span, "E0203", "expression is nested deeper than %d operators", AST_MAX_DEPTH);
}
