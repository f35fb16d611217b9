/* Scanner, grammar, limits, includes and the formatter, through the interfaces of syntax/ast.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "syntax/ast.h"

typedef struct Parse {
	Arena *arena;
	SourceSet set;
	Diag *diag;
	AstFile *file;
} Parse;

static Parse begin_parse(void)
{
	Parse parse = {.arena = arena_create()};
	return parse;
}

static void parse_bytes(Parse *parse, const char *text, size_t length)
{
	*parse = begin_parse();
	parse->set.arena = parse->arena;
	parse->diag = diag_create(parse->arena, &parse->set);
	uint32_t file = source_add(&parse->set, "f.entk", text, length);
	parse->file = parse_file(parse->arena, &parse->set, parse->diag, file);
	assert_non_null(parse->file);
}

static void parse_text(Parse *parse, const char *text)
{
	parse_bytes(parse, text, strlen(text));
}

static void end_parse(Parse *parse)
{
	arena_destroy(parse->arena);
}

/* Text of an expression with all brackets written, to see how it was taken apart. */
static const char *show(Arena *arena, const AstExpr *e)
{
	static const char *const operators[] = {[AST_ADD] = "+", [AST_SUB] = "-",     [AST_MUL] = "*",
						[AST_DIV] = "/", [AST_COMPOSE] = ">", [AST_POWER] = "^"};
	switch (e->kind) {
	case AST_NAME: {
		const char *text = e->as.name.name;
		if (!e->as.name.call)
			return text;
		text = arena_printf(arena, "%s(", text);
		for (uint32_t i = 0; i < e->as.name.arg_count; i++) {
			const AstArg *arg = &e->as.name.args[i];
			text = arena_printf(arena, "%s%s%s%s%s", text, i ? "," : "", arg->name ? arg->name : "",
					    arg->name ? "=" : "", show(arena, arg->value));
		}
		return arena_printf(arena, "%s)", text);
	}
	case AST_NUMBER:
		return e->as.number.text;
	case AST_DIMS: {
		const char *text = "";
		for (uint32_t i = 0; i < e->as.dims.count; i++)
			text = arena_printf(arena, "%s%s%llu", text, i ? "x" : "",
					    (unsigned long long)e->as.dims.size[i]);
		return text;
	}
	case AST_STRING:
		return arena_printf(arena, "'%s'", e->as.string.text);
	case AST_LIST: {
		const char *text = "[";
		for (uint32_t i = 0; i < e->as.list.count; i++)
			text = arena_printf(arena, "%s%s%s", text, i ? "," : "", show(arena, e->as.list.items[i]));
		return arena_printf(arena, "%s]", text);
	}
	case AST_ADD:
	case AST_SUB:
	case AST_MUL:
	case AST_DIV:
	case AST_COMPOSE:
	case AST_POWER:
		return arena_printf(arena, "{%s%s%s}", show(arena, e->as.binary.left), operators[e->kind],
				    show(arena, e->as.binary.right));
	case AST_NEGATE:
		return arena_printf(arena, "{-%s}", show(arena, e->as.unary.inner));
	case AST_PAREN:
		return arena_printf(arena, "(%s)", show(arena, e->as.unary.inner));
	case AST_POISON:
		return "!";
	}
	return "?";
}

static void expressions_are_taken_apart(void **state)
{
	(void)state;
	static const char *const table[][2] = {
		{"1 + 2 * 3", "{1+{2*3}}"},
		{"1 * 2 -> 3", "{1*{2>3}}"},
		{"a -> b + c -> d", "{{a>b}+{c>d}}"},
		{"a -> b -> c", "{{a>b}>c}"},
		{"1 - 2 - 3", "{{1-2}-3}"},
		{"1 / 2 * 3", "{{1/2}*3}"},
		{"2 ^ 3 ^ 4", "{2^{3^4}}"},
		{"-2 ^ 2", "{-{2^2}}"},
		{"2 ^ -2", "{2^{-2}}"},
		{"-a -> b", "{{-a}>b}"},
		{"a -> b ^ 3", "{a>{b^3}}"},
		{"(a -> b)^3", "{({a>b})^3}"},
		{"- - 1", "{-{-1}}"},
		{"f()", "f()"},
		{"f(1, x = 2, 3x3)", "f(1,x=2,3x3)"},
		{"f(x = a -> b, -1)", "f(x={a>b},{-1})"},
		{"[]", "[]"},
		{"[1, [2], \"s t\"]", "[1,[2],'s t']"},
		{"3x4x5", "3x4x5"},
		{"a-1", "{a-1}"},
		{"a->b", "{a>b}"},
		{"1e5", "1e5"},
		{"1e-3x", "!"},
		{"x3", "x3"},
		{"_a1", "_a1"},
		{"includes", "includes"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		Parse parse;
		char text[200];
		snprintf(text, sizeof text, "let v = %s # comment\n", table[i][0]);
		parse_text(&parse, text);
		assert_int_equal(parse.file->item_count, 1);
		assert_string_equal(show(parse.arena, parse.file->items[0].value), table[i][1]);
		assert_int_equal(diag_error_count(parse.diag) > 0, strcmp(table[i][1], "!") == 0);
		end_parse(&parse);
	}
}

static void numbers_have_their_values(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value;
		bool is_integer;
		uint64_t integer;
	} table[] = {
		{"0", 0, true, 0},
		{"007", 7, true, 7},
		{"0.1", 0.1, false, 0},
		{"1.5e-3", 1.5e-3, false, 0},
		{"2E+3", 2000, false, 0},
		{"18446744073709551615", 18446744073709551615.0, true, UINT64_MAX},
		{"18446744073709551616", 18446744073709551616.0, true, UINT64_MAX},
		{"99999999999999999999999999", 1e26, true, UINT64_MAX},
		{"1e-999", 0, false, 0},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		Parse parse;
		char text[100];
		snprintf(text, sizeof text, "let v = %s\n", table[i].text);
		parse_text(&parse, text);
		const AstExpr *e = parse.file->items[0].value;
		assert_int_equal(e->kind, AST_NUMBER);
		assert_true(e->as.number.value == table[i].value);
		assert_int_equal(e->as.number.is_integer, table[i].is_integer);
		assert_true(e->as.number.integer == table[i].integer);
		end_parse(&parse);
	}
}

static void spans_cover_what_was_written(void **state)
{
	(void)state;
	Parse parse;
	parse_text(&parse, "let a = 1\nnet n = image(3x3) -> conv ( filter = (3) )  \n");
	const AstItem *item = &parse.file->items[1];
	assert_int_equal(item->span.begin, 10);
	assert_int_equal(item->span.end, 10 + 43);
	assert_int_equal(item->name_span.begin, 14);
	assert_int_equal(item->name_span.end, 15);
	const AstExpr *compose = item->value;
	assert_int_equal(compose->kind, AST_COMPOSE);
	assert_int_equal(compose->span.begin, 18);
	assert_int_equal(compose->span.end, 53);
	assert_int_equal(compose->as.binary.operator_span.begin, 29);
	assert_int_equal(compose->as.binary.operator_span.end, 31);
	const AstExpr *call = compose->as.binary.right;
	assert_int_equal(call->span.begin, 32);
	assert_int_equal(call->as.name.name_span.end, 36);
	const AstArg *arg = &call->as.name.args[0];
	assert_int_equal(arg->name_span.begin, 39);
	assert_int_equal(arg->name_span.end, 45);
	assert_int_equal(arg->value->span.begin, 48);
	assert_int_equal(arg->value->span.end, 51);
	end_parse(&parse);
}

static void items_survive_errors_of_others(void **state)
{
	(void)state;
	Parse parse;
	parse_text(&parse, "foo\nlet a = 1 1\nlet b = 2\nlet c 3\ndef d(x, y) = )\ndefault(\nnet n = vector(3)\nlet = "
			   "3\ninclude x\n");
	assert_int_equal(diag_error_count(parse.diag), 7);
	assert_int_equal(parse.file->item_count, 5);
	static const struct {
		AstItemKind kind;
		const char *name;
		bool poison;
	} wanted[] = {{AST_LET, "a", true},
		      {AST_LET, "b", false},
		      {AST_LET, "c", true},
		      {AST_DEF, "d", true},
		      {AST_NET, "n", false}};
	for (size_t i = 0; i < 5; i++) {
		const AstItem *item = &parse.file->items[i];
		assert_int_equal(item->kind, wanted[i].kind);
		assert_string_equal(item->name, wanted[i].name);
		assert_int_equal(item->value->kind == AST_POISON, wanted[i].poison);
	}
	assert_int_equal(parse.file->items[3].param_count, 2);
	end_parse(&parse);
}

/* ---- limits ---- */

/* before, `middle` n times, between, `last` n times, after. */
static void check_repeated(const char *before, const char *middle, size_t n, const char *between, const char *last,
			   const char *after, uint32_t errors)
{
	Parse parse;
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	fputs(before, to);
	for (size_t i = 0; i < n; i++)
		fputs(middle, to);
	fputs(between, to);
	for (size_t i = 0; i < n; i++)
		fputs(last, to);
	fputs(after, to);
	fclose(to);
	parse_bytes(&parse, text, length);
	assert_int_equal(diag_error_count(parse.diag), errors);
	free(text);
	end_parse(&parse);
}

static void limits_hold(void **state)
{
	(void)state;
	const char *a = "let a = ", *end = "\nlet b = 1\n";
	check_repeated(a, "(", 1000, "1", ")", end, 0);
	check_repeated(a, "(", 1001, "1", ")", end, 1);
	check_repeated(a, "f(x = ", 1000, "1", ")", end, 0);
	check_repeated(a, "[", 1000, "1", "]", end, 0);
	check_repeated(a, "[", 1001, "1", "]", end, 1);
	check_repeated(a, "(", 100000, "", "", "", 1);
	check_repeated(a, "1 + ", 9999, "1", "", end, 0);
	check_repeated(a, "1 + ", 10000, "1", "", end, 1);
	check_repeated(a, "1 ^ ", 9999, "1", "", end, 0);
	check_repeated(a, "1 ^ ", 10000, "1", "", end, 1);
	check_repeated(a, "1 ^ ", 200000, "1", "", end, 1);
	check_repeated(a, "-", 9999, "1", "", end, 0);
	check_repeated(a, "-", 10000, "1", "", end, 1);
	check_repeated(a, "-", 1000000, "1", "", end, 1);
	/* all kinds of operators within all brackets: the parser's stack must hold it */
	check_repeated(a, "1 + 1 * 1 -> -1 ^ (", 1000, "1", ")", end, 0);
	check_repeated(a, "1 + 1 * 1 -> -1 ^ f(1, x = ", 1000, "1", ")", end, 0);
	check_repeated("let a = [1", ", 1", 99999, "]", "", end, 0);
	check_repeated("let a = [1", ", 1", 100000, "]", "", end, 1);
	check_repeated("let a = f(1", ", x = 1", 99999, ")", "", end, 0);
	check_repeated("let a = f(1", ", x = 1", 100000, ")", "", end, 1);
	check_repeated("def f(p", ", q", 100000, ") = 1", "", end, 1);
}

/* Every byte string is read to the end without harm, and what is wrong with it is said. */
static void noise_is_survived(void **state)
{
	(void)state;
	static const char alphabet[] = "ab()[]+-*/^=,\"\n #123x.> $let net def\xc3\xa4";
	uint32_t seed = 12345;
	for (int round = 0; round < 3000; round++) {
		char text[200];
		size_t length = 0;
		while (length < sizeof text) {
			seed = seed * 1664525 + 1013904223;
			if (round % 3 == 0)
				text[length++] = (char)(seed >> 24);
			else
				text[length++] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
			if (round % 3 == 2 && (seed >> 8) % 20 == 0 && length + 8 < sizeof text) {
				memcpy(text + length, "let a = ", 8);
				length += 8;
			}
		}
		Parse parse;
		parse_bytes(&parse, text, length);
		end_parse(&parse);
	}
}

/* ---- single expressions ---- */

static void set_options_are_parsed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name, *value; /* value NULL: refused */
	} table[] = {
		{"w=1.6", "w", "1.6"},
		{"w = 1", NULL, NULL},
		{"size=28x28", "size", "28x28"},
		{"w=sqrt(2) + 1", "w", "{sqrt(2)+1}"},
		{"w", NULL, NULL},
		{"=1", NULL, NULL},
		{"w=", NULL, NULL},
		{"w=1 2", NULL, NULL},
		{"w=1)", NULL, NULL},
		{"1w=1", NULL, NULL},
		{"w=let a = 1", NULL, NULL},
		{"w=a=1", NULL, NULL},
		{"", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		Parse parse;
		parse_text(&parse, "");
		const char *name = NULL;
		AstExpr *value = NULL;
		Span span;
		bool good = parse_set_option(parse.arena, &parse.set, parse.diag, table[i].text, &name, &value, &span);
		assert_int_equal(good, table[i].value != NULL);
		assert_int_equal(diag_error_count(parse.diag) == 0, good);
		if (good) {
			assert_string_equal(name, table[i].name);
			assert_string_equal(show(parse.arena, value), table[i].value);
		}
		end_parse(&parse);
	}
}

/* ---- includes ---- */

static void includes_nest_to_their_limit(void **state)
{
	(void)state;
	for (uint32_t count = AST_MAX_INCLUDE_DEPTH; count <= AST_MAX_INCLUDE_DEPTH + 1; count++) {
		Parse parse = begin_parse();
		parse.set.arena = parse.arena;
		parse.diag = diag_create(parse.arena, &parse.set);
		for (uint32_t i = 0; i <= count; i++) {
			const char *text =
				i < count ? arena_printf(parse.arena, "include \"%u\"\n", i + 1) : "let a = 1\n";
			source_add(&parse.set, arena_printf(parse.arena, "%u", i), text, strlen(text));
		}
		parse.file = parse_file(parse.arena, &parse.set, parse.diag, 0);
		assert_int_equal(diag_error_count(parse.diag), count > AST_MAX_INCLUDE_DEPTH);
		end_parse(&parse);
	}
}

static void files_are_included_once(void **state)
{
	(void)state;
	Parse parse = begin_parse();
	parse.set.arena = parse.arena;
	parse.diag = diag_create(parse.arena, &parse.set);
	/* a diamond: d is reached by two ways */
	static const char *const files[][2] = {{"a", "include \"b\"\ninclude \"c\"\ninclude \"b\"\n"},
					       {"b", "include \"d\"\n"},
					       {"c", "  include \"d\"\n"},
					       {"d", "let x = 1\n"}};
	for (size_t i = 0; i < 4; i++)
		source_add(&parse.set, files[i][0], files[i][1], strlen(files[i][1]));
	AstFile *a = parse_file(parse.arena, &parse.set, parse.diag, 0);
	assert_int_equal(diag_error_count(parse.diag), 0);
	assert_int_equal(a->item_count, 3);
	assert_non_null(a->items[0].included);
	assert_non_null(a->items[1].included);
	assert_null(a->items[2].included);
	assert_non_null(a->items[0].included->items[0].included);
	assert_null(a->items[1].included->items[0].included);
	end_parse(&parse);
}

static void too_large_files_are_not_included(void **state)
{
	(void)state;
	char folder[] = "/tmp/entk-test-syntax-XXXXXX";
	assert_non_null(mkdtemp(folder));
	Parse parse = begin_parse();
	parse.set.arena = parse.arena;
	parse.diag = diag_create(parse.arena, &parse.set);
	const char *main_path = arena_printf(parse.arena, "%s/main.entk", folder);
	const char *large_path = arena_printf(parse.arena, "%s/large.entk", folder);
	FILE *file = fopen(main_path, "w");
	fputs("include \"large.entk\"\n", file);
	fclose(file);
	file = fopen(large_path, "w");
	fclose(file);
	assert_int_equal(truncate(large_path, (off_t)SOURCE_MAX_LENGTH + 1), 0);
	uint32_t index;
	assert_int_equal(source_load(&parse.set, main_path, &index), SOURCE_OK);
	parse_file(parse.arena, &parse.set, parse.diag, index);
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	diag_print(parse.diag, to, DIAG_LINE);
	fclose(to);
	assert_non_null(strstr(text, ":1:9:error:E0208:\"large.entk\" is larger than 64 MiB\n"));
	free(text);
	unlink(main_path);
	unlink(large_path);
	rmdir(folder);
	end_parse(&parse);
}

/* ---- formatter ---- */

static char *format(const char *text, size_t length, bool *good)
{
	Arena *arena = arena_create();
	SourceSet set = {.arena = arena};
	Diag *diag = diag_create(arena, &set);
	uint32_t file = source_add(&set, "f.entk", text, length);
	char *out = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&out, &size);
	*good = ast_format(&set, file, diag, arena, to);
	fclose(to);
	arena_destroy(arena);
	return out;
}

static void layout_is_canonical(void **state)
{
	(void)state;
	static const char *const table[][2] = {
		{"", ""},
		{"\n\n", ""},
		{"#a\n", "#a\n"},
		{"let   a=1", "let a = 1\n"},
		{"let a=-1- -2*(3 )^ - 2", "let a = -1 - -2 * (3)^-2\n"},
		{"net n=image( 3x3 )->f(x=1,[ a,b ] )", "net n = image(3x3) -> f(x = 1, [a, b])\n"},
		{"let a = 1 let b = 2", "let a = 1\nlet b = 2\n"},
		{"let a = 1\n\n\n\nlet b = 2", "let a = 1\n\nlet b = 2\n"},
		{"let a =\n\n  1 # c\n", "let a = 1  # c\n"},
		{"let a = # c\n1\n", "let a =  # c\n        1\n"},
		{"default ( a=1 )", "default(a = 1)\n"},
		{"include   \"a b\"", "include \"a b\"\n"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		bool good;
		char *out = format(table[i][0], strlen(table[i][0]), &good);
		assert_true(good);
		assert_string_equal(out, table[i][1]);
		free(out);
	}
	bool good;
	char *out = format("let a = ", 8, &good);
	assert_false(good);
	assert_string_equal(out, "");
	free(out);
}

/* Random programs of tokens and comments with random white space: formatting twice is formatting once. */
static void layout_is_idempotent(void **state)
{
	(void)state;
	static const char *const operators[] = {" -> ", "->",      "+",       " - ",      "*",    "/",
						"^",    "\n  -> ", " # c\n+", "\n#d\n->", "\n\n*"};
	static const char *const operands[] = {"dense",       "conv(3x3, padding = valid, weight_std = 1.25)",
					       "1",           "-x",
					       "(a -> b)",    "[1,2 ,\n3]",
					       "f(a# e\n,b)", "a_rather_long_name_of_something",
					       "( # g\n a)"};
	uint32_t seed = 1;
	for (int round = 0; round < 2000; round++) {
		char *text = NULL;
		size_t length = 0;
		FILE *to = open_memstream(&text, &length);
		for (int item = 0; item < 3; item++) {
			seed = seed * 1664525 + 1013904223;
			fprintf(to, "%s net %.*s = ", (seed >> 20) % 3 ? "" : "# k\n\n\n", (int)((seed >> 16) % 40) + 1,
				"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
			for (uint32_t i = 0, n = (seed >> 8) % 16; i <= n; i++) {
				seed = seed * 1664525 + 1013904223;
				if (i)
					fputs(operators[(seed >> 16) % (sizeof operators / sizeof *operators)], to);
				fputs(operands[(seed >> 24) % (sizeof operands / sizeof *operands)], to);
			}
			fputs((seed >> 12) % 2 ? "\n" : "  # trailing\n", to);
		}
		fclose(to);
		bool good;
		char *once = format(text, length, &good);
		assert_true(good);
		char *twice = format(once, strlen(once), &good);
		assert_true(good);
		assert_string_equal(once, twice);
		free(text);
		free(once);
		free(twice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_are_taken_apart),
		cmocka_unit_test(numbers_have_their_values),
		cmocka_unit_test(spans_cover_what_was_written),
		cmocka_unit_test(items_survive_errors_of_others),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(noise_is_survived),
		cmocka_unit_test(set_options_are_parsed),
		cmocka_unit_test(includes_nest_to_their_limit),
		cmocka_unit_test(files_are_included_once),
		cmocka_unit_test(too_large_files_are_not_included),
		cmocka_unit_test(layout_is_canonical),
		cmocka_unit_test(layout_is_idempotent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
