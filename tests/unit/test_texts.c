/* Small helpers of messages and commands: nearest names, durations, JSON, numbers, options. */
#include "base/number.h"
#include "cli/args.h"
#include "support/executor.h"
#include "output/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_nearest(void **state)
{
	(void)state;
	static const char *const names[] = {"x_train", "y_train", "x_test", "w"};
	assert_string_equal(entk_nearest("x_trian", names, 4), "x_train");
	assert_string_equal(entk_nearest("xtest", names, 4), "x_test");
	assert_string_equal(entk_nearest("y_trainn", names, 4), "y_train");
	assert_null(entk_nearest("labels", names, 4));
	assert_null(entk_nearest("q", names, 4)); /* every letter is one edit from every other */
	assert_null(entk_nearest("", names, 4));
	char longer[200];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_null(entk_nearest(longer, names, 4));
}

static void test_durations(void **state)
{
	(void)state;
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {{2.5e-6, "2.5 us"},   {0.0123, "12.3 ms"}, {1.25, "1.2 s"},      {59.2, "59 s"},
		     {59.9, "1 min 00 s"}, {80, "1 min 20 s"},  {7500, "2 h 05 min"}, {200000, "2 d 07 h"},
		     {1e300, "?"},         {NAN, "?"}};
	char text[32];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(entk_duration_text(cases[i].seconds, text, sizeof text), cases[i].text);
}

static void test_json(void **state)
{
	(void)state;
	EntkText text = {0};
	entk_text_add_json_string(&text, "a\"b\\c\nd\x01");
	entk_text_add(&text, ", ");
	entk_text_add_json_number(&text, 0.1);
	entk_text_add(&text, ", ");
	entk_text_add_json_number(&text, INFINITY);
	assert_string_equal(text.bytes, "\"a\\\"b\\\\c\\nd\\u0001\", 0.1, null");
	assert_int_equal(text.size, strlen(text.bytes));
	entk_text_destroy(&text);
	for (int i = 0; i < 10000; i++)
		entk_text_add(&text, "%d", i % 10);
	assert_int_equal(text.size, 10000);
	assert_false(text.failed);
	entk_text_destroy(&text);
}

static void test_shortest(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} wanted[] = {{1.4, "1.4"},           {-0.0, "-0"}, {0.1 + 0.2, "0.30000000000000004"},
		      {1e300 * 10, "1e+301"}, {3, "3"},     {INFINITY, "inf"}};
	char text[ENTK_NUMBER_SIZE];
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		assert_string_equal(entk_number_text(wanted[i].value, text), wanted[i].text);
	double value = 1;
	for (int i = 0; i < 10000; i++, value = value * 1.0737 + 1e-9)
		assert_true(strtod(entk_number_text(value, text), NULL) == value);
}

static void test_numbers(void **state)
{
	(void)state;
	double real;
	uint64_t count;
	EntkError error;
	assert_int_equal(entk_parse_real("--x", "-1.5e1", -100, 100, &real, &error), ENTK_OK);
	assert_true(real == -15);
	static const char *const bad[] = {"", "x", "1x", "nan", "1e999", "101", "1 2"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(entk_parse_real("--x", bad[i], -100, 100, &real, &error), ENTK_USAGE);
	assert_int_equal(entk_parse_count("--n", "42", 1, 100, &count, &error), ENTK_OK);
	assert_int_equal(count, 42);
	static const char *const wrong[] = {"",    "-1",  "+1",  " 1",   "0",
					    "101", "1.0", "1e1", "0x10", "18446744073709551617"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(entk_parse_count("--n", wrong[i], 1, 100, &count, &error), ENTK_USAGE);
}

static void test_options(void **state)
{
	(void)state;
	static const EntkOption options[] = {
		{1, "output", 'o', "FILE ..", ""}, {3, "seed", 's', "N", ""}, {2, "dry-run", 0, NULL, ""}, {0}};
	char *argv[] = {"program",  "a",  "-o", "f",  "--output=g", "-oh", "--dry-run",
			"--output", "--", "-",  "--", "-o",         "--x"};
	static const struct {
		int id;
		const char *value;
	} wanted[] = {{ENTK_ARG_POSITIONAL, "a"},
		      {1, "f"},
		      {1, "g"},
		      {1, "h"},
		      {2, NULL},
		      {1, "--"},
		      {ENTK_ARG_POSITIONAL, "-"},
		      {ENTK_ARG_POSITIONAL, "-o"},
		      {ENTK_ARG_POSITIONAL, "--x"},
		      {ENTK_ARG_END, NULL}};
	EntkArgs args = entk_args_begin("", NULL, options, 13, argv);
	EntkError error;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		assert_int_equal(entk_args_next(&args, &error), wanted[i].id);
		if (wanted[i].value)
			assert_string_equal(args.value, wanted[i].value);
	}
	char *bad[] = {"program", "--ouput=x", "--dry-run=1", "-q", "-o"};
	args = entk_args_begin("", NULL, options, 5, bad);
	for (int i = 0; i < 4; i++)
		assert_int_equal(entk_args_next(&args, &error), ENTK_ARG_ERROR);
	args.next = 1;
	entk_args_next(&args, &error);
	assert_non_null(strstr(error.fix, "--output"));
	char *twice[] = {"program", "--seed=1", "-s1"};
	args = entk_args_begin("", NULL, options, 3, twice);
	assert_int_equal(entk_args_next(&args, &error), 3);
	assert_int_equal(entk_args_next(&args, &error), ENTK_ARG_ERROR);
	assert_non_null(strstr(error.what, "given twice"));
}

/* One line, whatever it contains, and an exit status of its kind. */
static void test_statuses(void **state)
{
	(void)state;
	static const int wanted[] = {
		[ENTK_OK] = 0,     [ENTK_USAGE] = 1,  [ENTK_INPUT] = 1,    [ENTK_NUMERICAL] = 2,
		[ENTK_MEMORY] = 3, [ENTK_SYSTEM] = 3, [ENTK_INTERNAL] = 3, [ENTK_INTERRUPTED] = 130};
	for (int i = 0; i < 8; i++)
		assert_int_equal(entk_exit_status((EntkStatus)i), wanted[i]);
	EntkError error;
	char longer[3000];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(entk_fail(&error, ENTK_INPUT, longer, "%s", longer), ENTK_INPUT);
	assert_int_equal(entk_fix(&error, "%s", longer), ENTK_INPUT);
	assert_int_equal(strlen(error.where), sizeof error.where - 1);
	/* Context may be added with the error's own text. */
	entk_fail(&error, ENTK_INPUT, "file", "broken");
	entk_fail(&error, ENTK_SYSTEM, error.where, "worse");
	assert_string_equal(error.where, "file");
	assert_string_equal(error.fix, "");
}

static void test_allocation(void **state)
{
	(void)state;
	EntkError error = {.status = ENTK_OK};
	assert_null(entk_allocate(SIZE_MAX / 2, 3, "a thing", &error));
	assert_int_equal(error.status, ENTK_MEMORY);
	assert_non_null(strstr(error.what, "a thing"));
	assert_null(entk_allocate_aligned(SIZE_MAX / 2, 3, "a thing", &error));
	void *none = entk_allocate(0, 8, "nothing", &error);
	assert_non_null(none);
	free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),  cmocka_unit_test(test_durations),  cmocka_unit_test(test_json),
		cmocka_unit_test(test_shortest), cmocka_unit_test(test_numbers),    cmocka_unit_test(test_options),
		cmocka_unit_test(test_statuses), cmocka_unit_test(test_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
