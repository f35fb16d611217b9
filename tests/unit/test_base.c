/* Arena, sources and diagnostics. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"

/* ---- arena ---- */

static void arena_gives_zeroed_aligned_memory(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	for (size_t size = 0; size < 3000; size += 7) {
		unsigned char *p = arena_alloc(arena, size, 1);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	/* larger than a block, and small ones after it */
	unsigned char *large = arena_alloc(arena, 1000, 5000);
	assert_int_equal(large[4999999], 0);
	int *small = ARENA_NEW(arena, int);
	assert_int_equal(*small, 0);
	arena_destroy(arena);
	arena_destroy(NULL);
}

static void arena_copies_and_prints(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	assert_string_equal(arena_copy(arena, "abcdef", 3), "abc");
	assert_string_equal(arena_copy(arena, "", 0), "");
	assert_string_equal(arena_printf(arena, "%d-%s", 42, "x"), "42-x");
	char *a = arena_alloc(arena, 0, 8), *b = arena_alloc(arena, 8, 0);
	assert_ptr_not_equal(a, b);
	arena_destroy(arena);
}

/* ---- sources ---- */

static SourceSet new_set(Arena *arena)
{
	return (SourceSet){.arena = arena};
}

static void check_place(const SourceFile *file, uint32_t offset, uint32_t line, uint32_t column, const char *text)
{
	SourcePlace place = source_place(file, offset);
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
	assert_int_equal(place.line_length, strlen(text));
	assert_memory_equal(place.line_begin, text, strlen(text));
}

static void places_are_found(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	SourceSet set = new_set(arena);
	const char text[] = "ab\r\n\n\xc3\xa4\xe6\xbc\xa2z\nlast";
	const SourceFile *file = &set.files[0];
	assert_int_equal(source_add(&set, "f", text, sizeof text - 1), 0);
	file = &set.files[0];
	check_place(file, 0, 1, 1, "ab");
	check_place(file, 2, 1, 3, "ab");
	check_place(file, 4, 2, 1, "");
	check_place(file, 5, 3, 1, "\xc3\xa4\xe6\xbc\xa2z");
	check_place(file, 7, 3, 2, "\xc3\xa4\xe6\xbc\xa2z");
	check_place(file, 10, 3, 3, "\xc3\xa4\xe6\xbc\xa2z");
	check_place(file, 12, 4, 1, "last");
	check_place(file, 16, 4, 5, "last");
	check_place(file, 4000, 4, 5, "last"); /* beyond the end */
	assert_int_equal(source_add(&set, "empty", "", 0), 1);
	check_place(&set.files[1], 0, 1, 1, "");
	assert_int_equal(source_add(&set, "newline", "\n", 1), 2);
	check_place(&set.files[2], 1, 2, 1, "");
	arena_destroy(arena);
}

/* Columns far into a long line, against counting by hand. */
static void places_in_long_lines(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	SourceSet set = new_set(arena);
	size_t n = 5000;
	char *text = arena_alloc(arena, 2 * n + 1, 1);
	for (size_t i = 0; i < n; i++)
		memcpy(text + 2 * i, i % 3 ? "ab" : "\xc3\xa4", 2);
	source_add(&set, "f", text, 2 * n);
	uint32_t column = 1;
	for (uint32_t i = 0; i < 2 * n; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			assert_int_equal(source_place(&set.files[0], i).column, column++);
	}
	arena_destroy(arena);
}

static void utf8_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length;
	} table[] = {
		{"a", 1},
		{"\xc3\xa4", 2},
		{"\xe6\xbc\xa2", 3},
		{"\xf0\x9f\x99\x82", 4},
		{"\x80", 0},
		{"\xc3", 0},
		{"\xc0\x80", 0},
		{"\xe0\x80\x80", 0},
		{"\xed\xa0\x80", 0},
		{"\xf0\x80\x80\x80", 0},
		{"\xf4\x90\x80\x80", 0},
		{"\xff", 0},
		{"\xe6\xbc", 0},
		{"\xc3z", 0},
		{"\xf4\x8f\xbf\xbf", 4},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(utf8_length(table[i].text, strlen(table[i].text)), table[i].length);
	assert_int_equal(utf8_length("", 0), 0);
	assert_int_equal(utf8_decode("\xe6\xbc\xa2", 3), 0x6f22);
	assert_int_equal(utf8_decode("\xf0\x9f\x99\x82", 4), 0x1f642);
}

static char folder[] = "/tmp/entk-test-base-XXXXXX";

static const char *path_in(Arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static void write_file(Arena *arena, const char *name, const char *text)
{
	FILE *file = fopen(path_in(arena, name), "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "sub/b", "hard", "soft", "large", "pipe", "sub"};
	Arena *arena = arena_create();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		remove(path_in(arena, names[i]));
	int result = rmdir(folder);
	arena_destroy(arena);
	return result;
}

static void files_are_loaded_once(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	SourceSet set = new_set(arena);
	write_file(arena, "a", "text of a");
	assert_int_equal(link(path_in(arena, "a"), path_in(arena, "hard")), 0);
	assert_int_equal(symlink("a", path_in(arena, "soft")), 0);
	uint32_t file = 99;
	assert_int_equal(source_load(&set, path_in(arena, "a"), &file), SOURCE_OK);
	assert_int_equal(file, 0);
	assert_string_equal(set.files[0].text, "text of a");
	const char *const others[] = {"a", "./a", "hard", "soft"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(source_load(&set, path_in(arena, others[i]), &file), SOURCE_ALREADY_LOADED);
		assert_int_equal(file, 0);
	}
	assert_int_equal(set.count, 1);
	assert_int_equal(set.alias_count, 3);
	arena_destroy(arena);
}

static void unreadable_files_are_refused(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	SourceSet set = new_set(arena);
	uint32_t file;
	assert_int_equal(source_load(&set, path_in(arena, "nowhere"), &file), SOURCE_UNREADABLE);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(source_load(&set, folder, &file), SOURCE_UNREADABLE);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(source_load(&set, "/dev/zero", &file), SOURCE_TOO_LARGE);
	int fd = open(path_in(arena, "large"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)SOURCE_MAX_LENGTH + 1), 0);
	close(fd);
	assert_int_equal(source_load(&set, path_in(arena, "large"), &file), SOURCE_TOO_LARGE);
	assert_int_equal(set.count, 0);
	arena_destroy(arena);
}

static void includes_are_searched(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	SourceSet set = new_set(arena);
	assert_int_equal(mkdir(path_in(arena, "sub"), 0700), 0);
	write_file(arena, "a", "a");
	write_file(arena, "sub/b", "b");
	uint32_t a, b, file;
	assert_int_equal(source_load(&set, path_in(arena, "a"), &a), SOURCE_OK);
	assert_int_equal(source_load_include(&set, a, "b", &b), SOURCE_UNREADABLE);
	assert_int_equal(errno, ENOENT);
	/* relative to the including file */
	assert_int_equal(source_load_include(&set, a, "sub/b", &b), SOURCE_OK);
	assert_int_equal(source_load_include(&set, b, "../a", &file), SOURCE_ALREADY_LOADED);
	assert_int_equal(file, a);
	/* -I, and absolute */
	const char *dirs[] = {"/nonexistent", path_in(arena, "sub")};
	set.include_dirs = dirs;
	set.include_dir_count = 2;
	assert_int_equal(source_load_include(&set, a, "b", &file), SOURCE_ALREADY_LOADED);
	assert_int_equal(file, b);
	assert_int_equal(source_load_include(&set, b, path_in(arena, "a"), &file), SOURCE_ALREADY_LOADED);
	assert_int_equal(file, a);
	/* what is no file */
	assert_int_equal(source_load_include(&set, a, "", &file), SOURCE_UNREADABLE);
	assert_int_equal(source_load_include(&set, a, "sub", &file), SOURCE_UNREADABLE);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(mkfifo(path_in(arena, "pipe"), 0600), 0);
	assert_int_equal(source_load_include(&set, a, "pipe", &file), SOURCE_UNREADABLE); /* and does not wait */
	arena_destroy(arena);
}

static void memory_includes_memory_only(void **state)
{
	(void)state;
	Arena *arena = arena_create();
	SourceSet set = new_set(arena);
	static const char text[] = "text of b", other[] = "text of c";
	uint32_t a = source_add(&set, "dir/a", "a", 1), file;
	uint32_t b = source_add(&set, "dir/b", text, strlen(text));
	uint32_t c = source_add(&set, "lib/c", other, strlen(other));
	assert_int_equal(source_add(&set, "dir/../dir/b", text, strlen(text)), b);
	assert_int_equal(source_load_include(&set, a, "b", &file), SOURCE_ALREADY_LOADED);
	assert_int_equal(file, b);
	assert_int_equal(source_load_include(&set, a, "../dir/b", &file), SOURCE_ALREADY_LOADED);
	assert_int_equal(file, b);
	assert_int_equal(source_load_include(&set, a, "/dev/null", &file), SOURCE_UNREADABLE);
	const char *dirs[] = {"lib"};
	set.include_dirs = dirs;
	set.include_dir_count = 1;
	assert_int_equal(source_load_include(&set, a, "c", &file), SOURCE_ALREADY_LOADED);
	assert_int_equal(file, c);
	arena_destroy(arena);
}

/* ---- diagnostics ---- */

typedef struct Report {
	Arena *arena;
	SourceSet set;
	Diag *diag;
} Report;

static void begin_report(Report *report, const char *text)
{
	report->arena = arena_create();
	report->set = new_set(report->arena);
	source_add(&report->set, "f.entk", text, strlen(text));
	report->diag = diag_create(report->arena, &report->set);
}

static void check_report(Report *report, DiagFormat format, const char *wanted)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	assert_non_null(to);
	diag_print(report->diag, to, format);
	fclose(to);
	assert_string_equal(text, wanted);
	free(text);
	arena_destroy(report->arena);
}

static Span span(uint32_t begin, uint32_t end)
{
	return (Span){0, begin, end};
}

static void diagnostics_are_sorted_and_unique(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "one\ntwo\n");
	assert_false(diag_error(report.diag, span(4, 7), "E2", "second"));
	diag_note(report.diag, span(0, 3), "see %s", "here");
	diag_hint(report.diag, "Mend it.");
	diag_error(report.diag, span(0, 3), "E1", "first");
	diag_error(report.diag, span(4, 7), "E2", "second"); /* dropped, with its note */
	diag_note(report.diag, span(0, 3), "dropped");
	diag_warning(report.diag, span(4, 5), "W1", "careful");
	diag_error(report.diag, span(4, 7), "E3", "third");
	assert_int_equal(diag_error_count(report.diag), 4);
	check_report(&report, DIAG_LINE,
		     "f.entk:1:1:error:E1:first\n"
		     "f.entk:2:1:error:E2:second\n"
		     "f.entk:1:1:note:E2:see here\n"
		     "f.entk:2:1:hint:E2:Mend it.\n"
		     "f.entk:2:1:warning:W1:careful\n"
		     "f.entk:2:1:error:E3:third\n");
}

static void carets_stand_below_what_is_meant(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "\ta\tb\xe6\xbc\xa2\xcc\x81z\x01y");
	diag_error(report.diag, span(3, 4), "E1", "b");
	diag_error(report.diag, span(9, 10), "E1", "z");
	diag_error(report.diag, span(11, 12), "E1", "y");
	diag_error(report.diag, span(4, 10), "E1", "wide");
	diag_error(report.diag, span(12, 12), "E1", "end");
	/* b at column 8; the wide character takes two columns, the accent none; the control byte is shown as "?" */
	check_report(&report, DIAG_HUMAN,
		     "f.entk:1:4: error: b [E1]\n"
		     "    1 |     a   b\xe6\xbc\xa2\xcc\x81z?y\n"
		     "      |         ^\n"
		     "f.entk:1:5: error: wide [E1]\n"
		     "    1 |     a   b\xe6\xbc\xa2\xcc\x81z?y\n"
		     "      |          ^~~\n"
		     "f.entk:1:7: error: z [E1]\n"
		     "    1 |     a   b\xe6\xbc\xa2\xcc\x81z?y\n"
		     "      |            ^\n"
		     "f.entk:1:9: error: y [E1]\n"
		     "    1 |     a   b\xe6\xbc\xa2\xcc\x81z?y\n"
		     "      |              ^\n"
		     "f.entk:1:10: error: end [E1]\n"
		     "    1 |     a   b\xe6\xbc\xa2\xcc\x81z?y\n"
		     "      |               ^\n"
		     "5 errors; entkc --explain=E1 says more\n");
}

static void caret_of_a_long_span_ends_with_the_line(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "one two\nthree\n");
	diag_error(report.diag, span(4, 13), "E1", "both lines");
	check_report(&report, DIAG_HUMAN,
		     "f.entk:1:5: error: both lines [E1]\n"
		     "    1 | one two\n"
		     "      |     ^~~\n"
		     "1 error; entkc --explain=E1 says more\n");
}

static void human_form_ends_with_counts(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "one\n");
	diag_warning(report.diag, span(0, 1), "W1", "careful");
	diag_error(report.diag, span(1, 2), "E2", "wrong");
	diag_error(report.diag, span(1, 2), "E2", "wrong");
	diag_hint(report.diag, "Mend it.");
	diag_warning(report.diag, span(2, 3), "W2", "again");
	check_report(&report, DIAG_HUMAN,
		     "f.entk:1:1: warning: careful [W1]\n"
		     "    1 | one\n"
		     "      | ^\n"
		     "f.entk:1:2: error: wrong [E2]\n"
		     "    1 | one\n"
		     "      |  ^\n"
		     "f.entk:1:3: warning: again [W2]\n"
		     "    1 | one\n"
		     "      |   ^\n"
		     "1 error, 2 warnings; entkc --explain=E2 says more\n");
	begin_report(&report, "one\n");
	check_report(&report, DIAG_HUMAN, "");
}

/* Colours are escapes around what the human form has anyway. */
static void colours_change_no_text(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "one\n");
	diag_warning(report.diag, span(0, 3), "W1", "careful");
	diag_note(report.diag, span(1, 2), "here");
	diag_hint(report.diag, "Mend it.");
	check_report(&report, DIAG_COLOURED,
		     "\033[1mf.entk:1:1:\033[0m \033[1;35mwarning:\033[0m careful [W1]\n"
		     "    1 | one\n"
		     "      | \033[1;32m^~~\033[0m\n"
		     "\033[1mf.entk:1:2:\033[0m \033[1;36mnote:\033[0m here\n"
		     "\033[1;32mhint:\033[0m Mend it.\n"
		     "1 warning; entkc --explain=W1 says more\n");
}

static void messages_are_clean_and_short(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "x");
	char name[1001];
	memset(name, 'n', 1000);
	name[1000] = 0;
	diag_error(report.diag, span(0, 1), "E1", "a\nb\tc\x1b[31m\xff");
	diag_error(report.diag, span(0, 1), "E2", "%s", name);
	char wanted[2000];
	name[400] = 0;
	snprintf(wanted, sizeof wanted, "f.entk:1:1:error:E1:a?b?c?[31m?\nf.entk:1:1:error:E2:%s...\n", name);
	check_report(&report, DIAG_LINE, wanted);
}

static void at_most_twenty_errors_are_printed(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "0123456789012345678901234567890123456789");
	for (uint32_t i = 0; i < 30; i++)
		diag_error(report.diag, span(i, i + 1), "E1", "e");
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	diag_print(report.diag, to, DIAG_LINE);
	fclose(to);
	size_t lines = 0;
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(text, "f.entk:1:21:note:E1:10 more errors from here on are not shown\n"));
	free(text);
	arena_destroy(report.arena);
}

/* A flood of errors takes neither time nor memory. */
static void floods_are_counted(void **state)
{
	(void)state;
	Report report;
	begin_report(&report, "0123456789");
	for (uint32_t i = 0; i < 1000000; i++)
		diag_error(report.diag, span(i % 10, i % 10), "E1", "error %u", i);
	diag_hint(report.diag, "dropped");
	assert_int_equal(diag_error_count(report.diag), 1000000);
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	diag_print(report.diag, to, DIAG_HUMAN);
	fclose(to);
	assert_non_null(strstr(text, "999980 more errors"));
	free(text);
	arena_destroy(report.arena);
}

static void near_names_are_found(void **state)
{
	(void)state;
	static const char *const names[] = {"dense", "conv", "relu", "leaky_relu", "pool", "abs", "flatten"};
	static const struct {
		const char *name, *near;
	} table[] = {
		{"dnese", "dense"},
		{"Dense", "dense"},
		{"cnov", "conv"},
		{"con", "conv"},
		{"convv", "conv"},
		{"rely", "relu"},
		{"abc", "abs"},
		{"xyz", NULL},
		{"flaten", "flatten"},
		{"flattn", "flatten"},
		{"fl", NULL},
		{"dense", NULL},
		{"", NULL},
		{"leakyrelu", "leaky_relu"},
		{"a", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *near = diag_did_you_mean(table[i].name, names, sizeof names / sizeof *names);
		if (table[i].near) {
			assert_non_null(near);
			assert_string_equal(near, table[i].near);
		} else {
			assert_null(near);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(arena_copies_and_prints),
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(places_in_long_lines),
		cmocka_unit_test(utf8_is_checked),
		cmocka_unit_test(files_are_loaded_once),
		cmocka_unit_test(unreadable_files_are_refused),
		cmocka_unit_test(includes_are_searched),
		cmocka_unit_test(memory_includes_memory_only),
		cmocka_unit_test(diagnostics_are_sorted_and_unique),
		cmocka_unit_test(carets_stand_below_what_is_meant),
		cmocka_unit_test(caret_of_a_long_span_ends_with_the_line),
		cmocka_unit_test(human_form_ends_with_counts),
		cmocka_unit_test(colours_change_no_text),
		cmocka_unit_test(messages_are_clean_and_short),
		cmocka_unit_test(at_most_twenty_errors_are_printed),
		cmocka_unit_test(floods_are_counted),
		cmocka_unit_test(near_names_are_found),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
