/* From a source file to its syntax tree: feeds the scanner's tokens to the grammar, words the syntax errors, and
 * follows includes. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "syntax/parser.h"

#include "entk.tab.h"
#include "entk.lex.h"

int entk_yylex(ENTK_YYSTYPE *value, Span *span, Parser *parser);

static const char *const keywords[] = {"include", "let", "param", "default", "group", "activation", "def", "net"};
#define KEYWORD_COUNT (sizeof keywords / sizeof *keywords)

#define MAX_ERRORS 1000u /* this many, and the file is no source file: what follows is not read */

/* ---- errors of the current item ---- */

void parser_begin_item(Parser *parser)
{
	parser->item_failed = parser->value_failed = parser->skipping = false;
	parser->bracket_count = 0;
	parser->closed.open = 0;
}

/* ---- tokens ---- */

static const SourceFile *source_of(const Parser *parser)
{
	return &parser->sources->files[parser->file];
}

void parser_keep_token(Parser *parser, int kind, Span span)
{
	if (!parser->keep_tokens)
		return;
	if (parser->token_count == parser->token_capacity) {
		uint32_t capacity = parser->token_capacity ? 2 * parser->token_capacity : 256;
		ParserToken *tokens = ARENA_ARRAY(parser->arena, ParserToken, capacity);
		if (parser->token_count)
			memcpy(tokens, parser->tokens, parser->token_count * sizeof *tokens);
		parser->tokens = tokens;
		parser->token_capacity = capacity;
	}
	parser->tokens[parser->token_count++] = (ParserToken){kind, span};
}

static bool is_keyword(int token)
{
	switch (token) {
	case INCLUDE:
	case LET:
	case PARAM:
	case DEFAULT:
	case GROUP:
	case ACTIVATION:
	case DEF:
	case NET:
		return true;
	}
	return false;
}

/* The byte after the blanks that follow `offset`; 0 at the end. */
static char next_visible(const Parser *parser, uint32_t offset)
{
	const SourceFile *source = source_of(parser);
	while (offset < source->length && strchr(" \t\r\n", source->text[offset]))
		offset++;
	return source->text[offset];
}

static bool is_first_on_line(const Parser *parser, uint32_t offset)
{
	const char *text = source_of(parser)->text;
	while (offset > 0 && (text[offset - 1] == ' ' || text[offset - 1] == '\t'))
		offset--;
	return offset == 0 || text[offset - 1] == '\n';
}

/* A keyword where only a name makes sense: `group = C4`, `let net = 3`, `skip(net)`. Found by what follows, for after
 * the keyword itself the parser would take the rest for a definition and complain about that. */
static bool is_keyword_as_name(const Parser *parser, int token)
{
	if (parser->bracket_count == 0 && is_first_on_line(parser, parser->span.begin))
		return false;
	char next = next_visible(parser, parser->span.end);
	return next == '=' || next == ',' || next == ')' || next == ']' || (next == '(' && token != DEFAULT);
}

static bool open_bracket(Parser *parser, char open)
{
	if (parser->bracket_count == AST_MAX_NESTING)
		return parser_error_skip(parser, parser->span, "E0202", "brackets are nested deeper than %d",
					 AST_MAX_NESTING);
	parser->brackets[parser->bracket_count++] = (ParserBracket){parser->span, open};
	return true;
}

static void close_bracket(Parser *parser)
{
	parser->closed.open = 0;
	if (parser->bracket_count)
		parser->closed = parser->brackets[--parser->bracket_count];
}

static int next_token(Parser *parser)
{
	for (;;) {
		int token = entk_scan_lex(parser->scanner);
		if (token == END || diag_error_count(parser->diag) >= MAX_ERRORS)
			return END;
		if (is_keyword(token) && is_keyword_as_name(parser, token)) {
			int length = (int)(parser->span.end - parser->span.begin);
			const char *text = source_of(parser)->text + parser->span.begin;
			parser_error(parser, parser->span, "E0201", "\"%.*s\" is a keyword and cannot be a name",
				     length, text);
			token_name(parser, text, (size_t)length);
			parser->value_failed |= parser->bracket_count > 0;
			token = NAME;
		}
		if (is_keyword(token))
			parser->skipping = false;
		if (parser->skipping)
			continue;
		if (token == OPEN || token == OPEN_LIST) {
			if (!open_bracket(parser, token == OPEN ? '(' : '['))
				continue;
		} else if (token == CLOSE || token == CLOSE_LIST) {
			close_bracket(parser);
		}
		return token;
	}
}

int entk_yylex(ENTK_YYSTYPE *value, Span *span, Parser *parser)
{
	if (parser->start_token) {
		int token = parser->start_token;
		parser->start_token = 0;
		*span = (Span){parser->file, parser->position, parser->position};
		return token;
	}
	int token = next_token(parser);
	if (token == END) {
		/* an error at the end is shown behind the last token, not behind comments and blank lines */
		*span = (Span){parser->file, parser->last_end, parser->last_end};
		return END;
	}
	*span = parser->span;
	parser->last_end = span->end;
	parser_keep_token(parser, token, *span);
	if (token == NAME)
		value->name = parser->name;
	else if (token == NUMBER || token == DIMS)
		value->expr = parser->literal;
	else if (token == STRING)
		value->string = parser->string;
	return token;
}

/* ---- syntax errors ---- */

typedef struct List {
	const char *entry[8];
	size_t count;
} List;

static void list_add(List *list, bool condition, const char *entry)
{
	if (condition)
		list->entry[list->count++] = entry;
}

static const char *list_text(Arena *arena, const List *list)
{
	const char *text = list->count ? list->entry[0] : "something else";
	for (size_t i = 1; i < list->count; i++)
		text = arena_printf(arena, "%s%s%s", text, i + 1 == list->count ? " or " : ", ", list->entry[i]);
	return text;
}

static const char *wanted_text(Arena *arena, const ParserWanted *w)
{
	List list = {0};
	if (w->expression) {
		list_add(&list, !w->close && !w->close_list, "an expression");
		list_add(&list, w->close, "an argument");
		list_add(&list, w->close_list, "an element");
	} else {
		list_add(&list, w->name, "a name");
	}
	list_add(&list, w->string && !w->expression, "a file name in double quotes");
	list_add(&list, w->op, "an operator");
	list_add(&list, w->equals && !w->op, "\"=\"");
	list_add(&list, w->open && !w->op && !w->expression, "\"(\"");
	list_add(&list, w->comma, "\",\"");
	list_add(&list, w->close, "\")\"");
	list_add(&list, w->close_list, "\"]\"");
	list_add(&list, w->item, w->op ? "the next definition" : "a definition");
	list_add(&list, w->end && !w->item, "the end");
	return list_text(arena, &list);
}

static void hint_definition(Parser *parser, const char *name)
{
	const char *near = name ? diag_did_you_mean(name, keywords, KEYWORD_COUNT) : NULL;
	if (near)
		diag_hint(parser->diag, "Did you mean \"%s\"?", near);
	else
		diag_hint(parser->diag,
			  "Every definition begins with include, let, param, default, group, activation, def or net.");
}

/* "(2, 2)" for the sizes of two axes: do only digits stand between the innermost "(" and the comma? */
static bool is_tuple(const Parser *parser, Span comma)
{
	if (!parser->bracket_count || parser->brackets[parser->bracket_count - 1].open != '(')
		return false;
	const char *text = source_of(parser)->text;
	uint32_t at = parser->brackets[parser->bracket_count - 1].span.end;
	while (at < comma.begin && strchr("0123456789 ", text[at]))
		at++;
	return at == comma.begin;
}

/* What the user may have meant. `c`: the token's first byte. */
static void explain_unexpected(Parser *parser, Span span, bool at_end, const ParserWanted *wanted, char c)
{
	bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
	bool digit = c >= '0' && c <= '9';
	bool first = is_first_on_line(parser, span.begin);
	const char *text = source_of(parser)->text;
	const char *name = word && span.end - span.begin <= AST_MAX_NAME
				   ? arena_copy(parser->arena, text + span.begin, span.end - span.begin)
				   : NULL;
	if ((c == ')' && parser->closed.open == '[') || (c == ']' && parser->closed.open == '(')) {
		diag_note(parser->diag, parser->closed.span, "\"%c\" is open here", parser->closed.open);
	} else if (parser->bracket_count && (at_end || (word && first))) {
		const ParserBracket *open = &parser->brackets[parser->bracket_count - 1];
		diag_note(parser->diag, open->span, "\"%c\" is not closed", open->open);
	} else if (wanted->item && !at_end && (!wanted->op || (name && first))) {
		hint_definition(parser, name);
	} else if (wanted->op && name && name[0] == 'x' && !name[1]) {
		diag_hint(parser->diag, "Dims are written without blanks, as in 3x3.");
	} else if (wanted->op && c == ',' && is_tuple(parser, span)) {
		diag_hint(parser->diag, "Sizes of several axes are written as one word: 3x3.");
	} else if (wanted->op && c == '=' && text[span.begin + 1] == '>') {
		diag_hint(parser->diag, "Layers are joined with \"->\".");
	} else if (wanted->op && !wanted->comma && (word || digit)) {
		diag_hint(parser->diag, "Layers are joined with \"->\", numbers with + - * / and ^.");
	}
}

void parser_unexpected(Parser *parser, Span span, bool at_end, const ParserWanted *wanted)
{
	if (parser->item_failed)
		return;
	const char *text = source_of(parser)->text + span.begin;
	char c = at_end ? 0 : text[0];
	uint32_t length = span.end - span.begin;
	const char *found;
	if (at_end)
		found = "the end";
	else if (c == '"')
		found = "a string";
	else if (length > 60)
		found = arena_printf(parser->arena, "\"%.60s...\"", text);
	else
		found = arena_printf(parser->arena, "\"%.*s\"", (int)length, text);
	parser_error(parser, span, "E0201", "expected %s, found %s", wanted_text(parser->arena, wanted), found);
	explain_unexpected(parser, span, at_end, wanted, c);
}

/* ---- one file ---- */

/* Text without zero bytes, in UTF-8? Otherwise one error for the whole file says more than one for every byte. */
static bool check_text(const Parser *parser)
{
	const SourceFile *source = source_of(parser);
	size_t at = 0;
	while (at < source->length) {
		unsigned char c = (unsigned char)source->text[at];
		if (c > 0 && c < 0x80) {
			at++;
			continue;
		}
		size_t n = utf8_length(source->text + at, source->length - at);
		if (n < 2)
			break;
		at += n;
	}
	if (at == source->length)
		return true;
	Span span = {parser->file, (uint32_t)at, (uint32_t)at + 1};
	unsigned byte = (unsigned char)source->text[at];
	if (byte == 0)
		diag_error(parser->diag, span, "E0101", "zero byte in a text file");
	else
		diag_error(parser->diag, span, "E0101", "byte 0x%02X is not UTF-8", byte);
	if (source->length >= 2 &&
	    (memcmp(source->text, "\xff\xfe", 2) == 0 || memcmp(source->text, "\xfe\xff", 2) == 0))
		diag_hint(parser->diag, "The file seems to be UTF-16; save it as UTF-8.");
	return false;
}

void parser_run(Parser *parser, int start_token)
{
	if (!check_text(parser))
		return;
	const SourceFile *source = source_of(parser);
	uint32_t begin = source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	parser->position = parser->last_end = begin;
	parser->start_token = start_token;
	yyscan_t scanner;
	if (entk_scan_lex_init_extra(parser, &scanner) != 0)
		arena_exhausted();
	parser->scanner = scanner;
	entk_scan__scan_bytes(source->text + begin, (int)(source->length - begin), scanner);
	int result = entk_yyparse(parser);
	entk_scan_lex_destroy(scanner);
	ENTK_ASSERT(result == 0 || diag_error_count(parser->diag) > 0);
}

AstExpr *parse_expression(Arena *arena, SourceSet *sources, Diag *diag, uint32_t file)
{
	Parser parser = {.arena = arena, .sources = sources, .diag = diag, .file = file};
	uint32_t errors = diag_error_count(diag);
	parser_run(&parser, START_EXPRESSION);
	return diag_error_count(diag) == errors ? parser.expression : NULL;
}

bool parse_set_option(Arena *arena, SourceSet *sources, Diag *diag, const char *text, const char **name,
		      AstExpr **value, Span *span)
{
	size_t length = strcspn(text, "=");
	uint32_t file = source_add(sources, "--set", text, strlen(text));
	*span = (Span){file, 0, (uint32_t)length};
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	if (text[length] != '=' || length == 0 || length > AST_MAX_NAME || strspn(text, letters) != length ||
	    (text[0] >= '0' && text[0] <= '9'))
		return diag_error(diag, *span, "E0206", "expected NAME=EXPRESSION");
	*name = arena_copy(arena, text, length);
	/* The expression keeps its place in the option's text: what stands before it becomes blanks. */
	char *blanked = arena_copy(arena, text, strlen(text));
	memset(blanked, ' ', length + 1);
	uint32_t expression = source_add(sources, arena_printf(arena, "--set %s", *name), blanked, strlen(blanked));
	*value = parse_expression(arena, sources, diag, expression);
	return *value != NULL;
}

/* ---- a file and what it includes ---- */

typedef enum FileState { FILE_NEW, FILE_ACTIVE, FILE_DONE } FileState;

typedef struct Run {
	Arena *arena;
	SourceSet *sources;
	Diag *diag;
	FileState *states; /* by file */
	uint32_t state_count;
	Span chain[AST_MAX_INCLUDE_DEPTH]; /* the includes that led to the current file */
	uint32_t depth;
} Run;

static FileState *state_of(Run *run, uint32_t file)
{
	if (file >= run->state_count) {
		uint32_t count = 2 * file + 16;
		FileState *states = ARENA_ARRAY(run->arena, FileState, count);
		if (run->state_count)
			memcpy(states, run->states, run->state_count * sizeof *states);
		run->states = states;
		run->state_count = count;
	}
	return &run->states[file];
}

static AstFile *parse_one(Run *run, uint32_t file)
{
	Parser parser = {.arena = run->arena, .sources = run->sources, .diag = run->diag, .file = file};
	parser_run(&parser, START_FILE);
	AstFile *ast = ARENA_NEW(run->arena, AstFile);
	ast->file = file;
	ast->items = parser.items;
	ast->item_count = parser.item_count;
	return ast;
}

static void report_cycle(Run *run, const AstItem *item, uint32_t file)
{
	diag_error(run->diag, item->name_span, "E0209", "file includes itself");
	/* the links from `file` down to here */
	uint32_t first = 0;
	for (uint32_t i = 0; i < run->depth; i++)
		if (run->chain[i].file == file) {
			first = i;
			break;
		}
	for (uint32_t i = first; i < run->depth; i++) {
		uint32_t next = i + 1 < run->depth ? run->chain[i + 1].file : item->name_span.file;
		diag_note(run->diag, run->chain[i], "\"%s\" is included here", run->sources->files[next].path);
	}
}

static AstFile *parse_with_includes(Run *run, uint32_t file);

static AstFile *follow_include(Run *run, const AstItem *item)
{
	uint32_t file = 0;
	Span span = item->name_span;
	switch (source_load_include(run->sources, span.file, item->path, &file)) {
	case SOURCE_UNREADABLE:
		diag_error(run->diag, span, "E0207", "cannot read \"%s\": %s", item->path,
			   errno == EINVAL ? "not a regular file" : strerror(errno));
		return NULL;
	case SOURCE_TOO_LARGE:
		diag_error(run->diag, span, "E0208", "\"%s\" is larger than 64 MiB", item->path);
		return NULL;
	case SOURCE_OK:
	case SOURCE_ALREADY_LOADED:
		break;
	}
	switch (*state_of(run, file)) {
	case FILE_ACTIVE:
		report_cycle(run, item, file);
		return NULL;
	case FILE_DONE:
		return NULL;
	case FILE_NEW:
		break;
	}
	if (run->depth == AST_MAX_INCLUDE_DEPTH) {
		diag_error(run->diag, span, "E0210", "files include each other deeper than %u", AST_MAX_INCLUDE_DEPTH);
		return NULL;
	}
	run->chain[run->depth++] = span;
	AstFile *included = parse_with_includes(run, file);
	run->depth--;
	return included;
}

static AstFile *parse_with_includes(Run *run, uint32_t file)
{
	*state_of(run, file) = FILE_ACTIVE;
	AstFile *ast = parse_one(run, file);
	for (uint32_t i = 0; i < ast->item_count; i++)
		if (ast->items[i].kind == AST_INCLUDE)
			ast->items[i].included = follow_include(run, &ast->items[i]);
	*state_of(run, file) = FILE_DONE;
	return ast;
}

AstFile *parse_file(Arena *arena, SourceSet *sources, Diag *diag, uint32_t file)
{
	Run run = {.arena = arena, .sources = sources, .diag = diag};
	return parse_with_includes(&run, file);
}
