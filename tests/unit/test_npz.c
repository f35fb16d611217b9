/* Files of arrays: what is written is read back; what is damaged is refused; a failed write leaves nothing behind. */
#include "arrays/npz.h"
#include "arrays/npz_writer.h"
#include "output/target.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/entk-test-npz-XXXXXX";
static char names[4][512]; /* the folder and any file name */

static const char *path(int i, const char *name)
{
	snprintf(names[i], sizeof names[i], "%s/%s", folder, name);
	return names[i];
}

static int count_files(void)
{
	int count = 0;
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int clean_up(void **state)
{
	(void)state;
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.')
			unlink(path(3, entry->d_name));
	closedir(dir);
	return rmdir(folder);
}

static const double matrix[6] = {1, 2, 3, 4, 5, 6};

static void write_example(const char *name)
{
	EntkNpzWriter *writer;
	EntkError error;
	assert_int_equal(entk_npz_writer_create(name, 100, &writer, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add(writer, "matrix", ENTK_F64, 2, (size_t[]){2, 3}, matrix, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add(writer, "empty", ENTK_F32, 2, (size_t[]){0, 3}, NULL, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add_f64(writer, "ridge", 1e-4, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add_i64(writer, "count", -3, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add_text(writer, "net", "cnn", &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_commit(writer, &error), ENTK_OK);
	entk_npz_writer_destroy(writer);
}

static void test_round_trip(void **state)
{
	(void)state;
	EntkNpz *npz;
	EntkArray array;
	EntkError error;
	write_example(path(0, "a.npz"));
	assert_int_equal(entk_npz_open(path(0, "a.npz"), &npz, &error), ENTK_OK);
	assert_int_equal(entk_npz_count(npz), 5);
	assert_string_equal(entk_npz_key(npz, 0), "matrix");
	assert_true(entk_npz_has(npz, "net") && !entk_npz_has(npz, "nets"));
	assert_int_equal(entk_npz_read(npz, "matrix", &array, &error), ENTK_OK);
	assert_int_equal(array.rank, 2);
	assert_int_equal(array.shape[1], 3);
	assert_memory_equal(array.data, matrix, sizeof matrix);
	entk_array_destroy(&array);
	assert_int_equal(entk_npz_read(npz, "empty", &array, &error), ENTK_OK);
	assert_int_equal(array.count, 0);
	entk_array_destroy(&array);
	assert_int_equal(entk_npz_read(npz, "count", &array, &error), ENTK_OK);
	assert_int_equal(array.rank, 0);
	assert_int_equal(entk_array_get_integer(&array, 0), -3);
	entk_array_destroy(&array);
	assert_int_equal(entk_npz_read(npz, "net", &array, &error), ENTK_OK);
	assert_memory_equal(array.data, "cnn", 3);
	entk_array_destroy(&array);
	entk_npz_close(npz);
	assert_int_equal(count_files(), 1);
	/* Permissions as the umask has it, not those of a temporary file. */
	struct stat info;
	mode_t mask = umask(0);
	umask(mask);
	assert_int_equal(stat(path(0, "a.npz"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
}

static void test_keys(void **state)
{
	(void)state;
	EntkNpz *npz;
	EntkArray array;
	EntkError error;
	const char *key;
	char name[600];
	write_example(path(0, "a.npz"));
	snprintf(name, sizeof name, "%s:matrix", path(0, "a.npz"));
	assert_int_equal(entk_npz_open(name, &npz, &error), ENTK_OK);
	assert_int_equal(entk_npz_count(npz), 1);
	assert_int_equal(entk_npz_only_key(npz, "x", &key, &error), ENTK_OK);
	assert_string_equal(key, "matrix");
	assert_int_equal(entk_npz_read(npz, key, &array, &error), ENTK_OK);
	assert_memory_equal(array.data, matrix, sizeof matrix);
	entk_array_destroy(&array);
	entk_npz_close(npz);
	/* A near miss says what there is and what was probably meant. */
	snprintf(name, sizeof name, "%s:matrx", path(0, "a.npz"));
	assert_int_equal(entk_npz_open(name, &npz, &error), ENTK_INPUT);
	assert_null(npz);
	assert_non_null(strstr(error.what, "matrix, empty, ridge, count, net"));
	assert_non_null(strstr(error.fix, "\"matrix\""));
	/* Several arrays and none called x. */
	assert_int_equal(entk_npz_open(path(0, "a.npz"), &npz, &error), ENTK_OK);
	assert_int_equal(entk_npz_only_key(npz, "x", &key, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "matrix, empty"));
	assert_int_equal(entk_npz_only_key(npz, "net", &key, &error), ENTK_OK);
	entk_npz_close(npz);
	/* A colon that belongs to the file's name. */
	assert_int_equal(rename(path(0, "a.npz"), path(1, "b:c.npz")), 0);
	assert_int_equal(entk_npz_open(path(1, "b:c.npz"), &npz, &error), ENTK_OK);
	entk_npz_close(npz);
	unlink(path(1, "b:c.npz"));
}

/* Every prefix of a file is refused or, past the directory, read in full; every flipped byte too. No crash, no leak. */
static void test_damage(void **state)
{
	(void)state;
	char bytes[4096];
	write_example(path(0, "a.npz"));
	FILE *file = fopen(path(0, "a.npz"), "rb");
	size_t size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	assert_true(size < sizeof bytes);
	int refused = 0;
	for (size_t i = 0; i < 2 * size; i++) {
		size_t length = i < size ? i : size, flipped = i - size;
		if (i >= size)
			bytes[flipped] = (char)(bytes[flipped] ^ 0x55);
		file = fopen(path(1, "damaged.npz"), "wb");
		assert_int_equal(fwrite(bytes, 1, length, file), length);
		fclose(file);
		if (i >= size)
			bytes[flipped] = (char)(bytes[flipped] ^ 0x55);
		EntkNpz *npz;
		EntkArray array;
		EntkError error = {.status = ENTK_OK};
		EntkStatus status = entk_npz_open(path(1, "damaged.npz"), &npz, &error);
		if (status == ENTK_OK) {
			status = entk_npz_read(npz, "matrix", &array, &error);
			if (status == ENTK_OK) {
				/* The CRC protects the elements. */
				assert_memory_equal(array.data, matrix, sizeof matrix);
				entk_array_destroy(&array);
			}
			entk_npz_close(npz);
		}
		if (status != ENTK_OK) {
			assert_int_equal(status, error.status);
			assert_true(error.what[0] != '\0');
			refused++;
		}
		assert_true(i >= size || status != ENTK_OK);
	}
	assert_true(refused > (int)size);
	unlink(path(0, "a.npz"));
	unlink(path(1, "damaged.npz"));
}

static void test_no_place(void **state)
{
	(void)state;
	EntkNpzWriter *writer;
	EntkError error;
	assert_int_equal(entk_npz_writer_create(path(0, "no/such/a.npz"), 0, &writer, &error), ENTK_SYSTEM);
	assert_int_equal(entk_npz_writer_create(folder, 0, &writer, &error), ENTK_SYSTEM);
	assert_non_null(strstr(error.what, "folder"));
	assert_int_equal(entk_npz_writer_create("/dev/full", 0, &writer, &error), ENTK_SYSTEM);
	assert_non_null(strstr(error.what, "device"));
	assert_int_equal(entk_npz_writer_create(path(0, "a.npz"), SIZE_MAX / 2, &writer, &error), ENTK_SYSTEM);
	assert_non_null(strstr(error.what, "no space"));
	assert_int_equal(count_files(), 0);
}

/* A write that fails half-way (here: a limit on file sizes) keeps the old file whole and leaves no temporary one. */
static void test_failed_write(void **state)
{
	(void)state;
	static double large[100000];
	struct rlimit old, small = {.rlim_cur = 65536};
	EntkNpzWriter *writer;
	EntkNpz *npz;
	EntkError error;
	write_example(path(0, "a.npz"));
	assert_int_equal(entk_npz_writer_create(path(0, "a.npz"), 0, &writer, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add(writer, "large", ENTK_F64, 1, (size_t[]){100000}, large, &error), ENTK_OK);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	EntkStatus status = entk_npz_writer_commit(writer, &error);
	EntkStatus text = entk_write_text(path(1, "b.json"), (const char *)large, sizeof large, &error);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(status, ENTK_SYSTEM);
	assert_int_equal(text, ENTK_SYSTEM);
	assert_non_null(strstr(error.what, "large"));
	entk_npz_writer_destroy(writer);
	assert_int_equal(count_files(), 1);
	assert_int_equal(entk_npz_open(path(0, "a.npz"), &npz, &error), ENTK_OK);
	assert_true(entk_npz_has(npz, "matrix"));
	entk_npz_close(npz);
	unlink(path(0, "a.npz"));
}

/* Not committed: nothing was ever there. A link is followed, its target replaced. */
static void test_uncommitted_and_links(void **state)
{
	(void)state;
	EntkNpzWriter *writer;
	EntkError error;
	struct stat info;
	assert_int_equal(entk_npz_writer_create(path(0, "a.npz"), 0, &writer, &error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add_f64(writer, "v", 1, &error), ENTK_OK);
	entk_npz_writer_destroy(writer);
	assert_int_equal(count_files(), 0);
	write_example(path(0, "a.npz"));
	assert_int_equal(symlink(path(0, "a.npz"), path(1, "link.npz")), 0);
	write_example(path(1, "link.npz"));
	assert_int_equal(lstat(path(1, "link.npz"), &info), 0);
	assert_true(S_ISLNK(info.st_mode));
	unlink(path(0, "a.npz"));
	unlink(path(1, "link.npz"));
}

static void test_texts(void **state)
{
	(void)state;
	EntkError error;
	char back[16] = "";
	assert_int_equal(entk_write_text(path(0, "t.json"), "{}\n", 3, &error), ENTK_OK);
	FILE *file = fopen(path(0, "t.json"), "rb");
	assert_int_equal(fread(back, 1, sizeof back, file), 3);
	fclose(file);
	assert_string_equal(back, "{}\n");
	unlink(path(0, "t.json"));
	assert_int_equal(count_files(), 0);
}

/* An array of 1000 x 3 whose rows come on demand; `read` fails from row `bad` on. */
typedef struct Counting {
	size_t bad, calls;
} Counting;

static EntkStatus count_rows(void *context, size_t row, size_t count, void *rows, EntkError *error)
{
	Counting *counting = context;
	double *values = rows;
	counting->calls++;
	if (row + count > counting->bad)
		return entk_fail(error, ENTK_NUMERICAL, "rows", "row %zu is bad", counting->bad);
	for (size_t i = 0; i < 3 * count; i++)
		values[i] = (double)(3 * row + i);
	return ENTK_OK;
}

static EntkStatus write_counted(const char *name, size_t bad, size_t block, EntkError *error)
{
	EntkNpzWriter *writer;
	Counting counting = {.bad = bad};
	EntkRowSource source = {&counting, block, count_rows};
	if (strstr(name, ".npy"))
		return entk_npy_write_rows(name, ENTK_F64, 2, (size_t[]){1000, 3}, &source, error);
	assert_int_equal(entk_npz_writer_create(name, 0, &writer, error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add_f64(writer, "before", 2, error), ENTK_OK);
	assert_int_equal(entk_npz_writer_add_rows(writer, "rows", ENTK_F64, 2, (size_t[]){1000, 3}, &source, error),
			 ENTK_OK);
	assert_int_equal(entk_npz_writer_add_rows(writer, "empty", ENTK_F64, 2, (size_t[]){0, 3}, &source, error),
			 ENTK_OK);
	EntkStatus status = entk_npz_writer_commit(writer, error);
	entk_npz_writer_destroy(writer);
	return status;
}

/* Rows on demand, in blocks of any size: the same file as from memory; a failing source leaves nothing. */
static void test_rows(void **state)
{
	(void)state;
	EntkError error;
	static const size_t blocks[] = {1, 7, 999, 1000, 5000};
	const int before = count_files();
	for (size_t b = 0; b < 5; b++)
		for (int plain = 0; plain < 2; plain++) {
			EntkNpz *npz;
			EntkArray array = {0};
			const char *name = path(3, plain ? "rows.npy" : "rows.npz");
			assert_int_equal(write_counted(name, 1001, blocks[b], &error), ENTK_OK);
			assert_int_equal(entk_npz_open(name, &npz, &error), ENTK_OK);
			assert_int_equal(entk_npz_read(npz, plain ? "" : "rows", &array, &error), ENTK_OK);
			assert_true(array.rank == 2 && array.shape[0] == 1000 && array.shape[1] == 3);
			for (size_t i = 0; i < 3000; i++)
				assert_true(entk_array_get(&array, i) == (double)i);
			entk_array_destroy(&array);
			entk_npz_close(npz);
			unlink(name);
			assert_int_equal(write_counted(name, 500, blocks[b], &error), ENTK_NUMERICAL);
			assert_string_equal(error.what, "row 500 is bad");
			assert_int_equal(count_files(), before);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_place),     cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_keys),         cmocka_unit_test(test_damage),
		cmocka_unit_test(test_failed_write), cmocka_unit_test(test_uncommitted_and_links),
		cmocka_unit_test(test_texts),        cmocka_unit_test(test_rows),
	};
	return cmocka_run_group_tests(tests, set_up, clean_up);
}
