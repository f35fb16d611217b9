/* Reading .npy streams: types, orders, versions, hostile headers. */
#include "arrays/npy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Bytes {
	const unsigned char *at;
	size_t left, most; /* at most so many per read: short reads are normal */
} Bytes;

static ptrdiff_t read_bytes(void *context, void *to, size_t size, EntkError *error)
{
	Bytes *bytes = context;
	(void)error;
	size_t count = size < bytes->left ? size : bytes->left;
	if (count > bytes->most)
		count = bytes->most;
	memcpy(to, bytes->at, count);
	bytes->at += count;
	bytes->left -= count;
	return (ptrdiff_t)count;
}

/* A file with this header text and these elements; returns its size. */
static size_t make_file(unsigned char *file, int version, const char *header, const void *elements, size_t size)
{
	size_t length = strlen(header), start = version == 1 ? 10 : 12;
	memcpy(file, "\x93NUMPY", 6);
	file[6] = (unsigned char)version;
	file[7] = 0;
	file[8] = (unsigned char)(length & 255);
	file[9] = (unsigned char)(length >> 8);
	if (version > 1)
		file[10] = file[11] = 0;
	memcpy(file + start, header, length);
	memcpy(file + start + length, elements, size);
	return start + length + size;
}

static EntkStatus read_file(const unsigned char *file, size_t size, bool known, EntkArray *array, EntkError *error)
{
	Bytes bytes = {file, size, 7};
	EntkStream stream = {read_bytes, &bytes, known ? size : ENTK_UNKNOWN_SIZE, "test"};
	return entk_npy_read(&stream, array, error);
}

static void expect(const char *header, const void *elements, size_t size, EntkType type, unsigned rank,
		   const double *wanted)
{
	for (int version = 1; version <= 3; version++) {
		unsigned char file[1024];
		EntkArray array;
		EntkError error;
		size_t total = make_file(file, version, header, elements, size);
		if (read_file(file, total, version != 2, &array, &error) != ENTK_OK)
			fail_msg("%s: %s", header, error.what);
		assert_int_equal(array.type, type);
		assert_int_equal(array.rank, rank);
		for (size_t i = 0; i < array.count; i++)
			if (entk_array_get(&array, i) != wanted[i])
				fail_msg("%s: element %zu is %g, wanted %g", header, i, entk_array_get(&array, i),
					 wanted[i]);
		entk_array_destroy(&array);
	}
}

static void refuse(const char *header, size_t size, const char *says)
{
	unsigned char file[2048] = {0};
	static const unsigned char zeros[1024];
	for (int known = 0; known < 2; known++) {
		EntkArray array;
		EntkError error = {.status = ENTK_OK};
		size_t total = make_file(file, 1, header, zeros, size);
		assert_int_equal(read_file(file, total, known, &array, &error), ENTK_INPUT);
		if (!strstr(error.what, says))
			fail_msg("%s: \"%s\" does not say \"%s\"", header, error.what, says);
		assert_null(array.data);
	}
}

static void test_types(void **state)
{
	(void)state;
	expect("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", "\0\1\1", 3, ENTK_BOOL, 1,
	       (double[]){0, 1, 1});
	expect("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "\xff\x01", 2, ENTK_U8, 1,
	       (double[]){255, 1});
	expect("{'descr': '|i1', 'fortran_order': False, 'shape': (2,), }", "\xff\x01", 2, ENTK_I8, 1,
	       (double[]){-1, 1});
	expect("{'descr': '<u2', 'fortran_order': False, 'shape': (1,), }", "\x02\x01", 2, ENTK_U16, 1,
	       (double[]){258});
	expect("{'descr': '>u2', 'fortran_order': False, 'shape': (1,), }", "\x02\x01", 2, ENTK_U16, 1,
	       (double[]){513});
	expect("{'descr': '>i2', 'fortran_order': False, 'shape': (1,), }", "\xff\xfe", 2, ENTK_I16, 1, (double[]){-2});
	expect("{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }", "\xff\xff\xff\xff", 4, ENTK_U32, 1,
	       (double[]){4294967295.0});
	expect("{'descr': '>i4', 'fortran_order': False, 'shape': (1,), }", "\xff\xff\xff\xfe", 4, ENTK_I32, 1,
	       (double[]){-2});
	expect("{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", "\0\0\0\0\0\0\0\x80", 8, ENTK_U64, 1,
	       (double[]){9223372036854775808.0});
	expect("{'descr': '>i8', 'fortran_order': False, 'shape': (1,), }", "\xff\xff\xff\xff\xff\xff\xff\xfe", 8,
	       ENTK_I64, 1, (double[]){-2});
	/* Halves: 1, -2, the smallest positive one, 65504. They arrive as float32. */
	expect("{'descr': '<f2', 'fortran_order': False, 'shape': (4,), }", "\x00\x3c\x00\xc0\x01\x00\xff\x7b", 8,
	       ENTK_F32, 1, (double[]){1, -2, 0x1p-24, 65504});
	expect("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "\0\0\xc0\x3f", 4, ENTK_F32, 1,
	       (double[]){1.5});
	expect("{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }", "\x3f\xf8\0\0\0\0\0\0", 8, ENTK_F64, 1,
	       (double[]){1.5});
	/* '=' and no order at all are ours. */
	expect("{'descr': '=f4', 'fortran_order': False, 'shape': (1,), }", &(float){2.5F}, 4, ENTK_F32, 1,
	       (double[]){2.5});
	expect("{'descr': 'f8', 'fortran_order': False, 'shape': (1,), }", &(double){2.5}, 8, ENTK_F64, 1,
	       (double[]){2.5});
}

static void test_layouts(void **state)
{
	(void)state;
	const unsigned char six[] = {0, 1, 2, 3, 4, 5};
	expect("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", six, 6, ENTK_U8, 2,
	       (double[]){0, 1, 2, 3, 4, 5});
	expect("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", six, 6, ENTK_U8, 2,
	       (double[]){0, 2, 4, 1, 3, 5});
	expect("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 3, 2), }", six, 6, ENTK_U8, 3,
	       (double[]){0, 3, 1, 4, 2, 5});
	expect("{'descr': '|u1', 'fortran_order': True, 'shape': (6,), }", six, 6, ENTK_U8, 1,
	       (double[]){0, 1, 2, 3, 4, 5});
	expect("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", six, 1, ENTK_U8, 0, (double[]){0});
	expect("{'descr': '|u1', 'fortran_order': True, 'shape': (), }", six, 1, ENTK_U8, 0, (double[]){0});
	expect("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }", six, 0, ENTK_U8, 2, NULL);
	expect("{'descr': '|u1', 'fortran_order': True, 'shape': (3, 0), }", six, 0, ENTK_U8, 2, NULL);
	/* Odd but legal spelling: other quotes, order and blanks, no trailing comma; long sizes of Python 2. */
	expect("{\"shape\":(2L,3L) , \"fortran_order\":False,\"descr\":\"|u1\"}   \n", six, 6, ENTK_U8, 2,
	       (double[]){0, 1, 2, 3, 4, 5});
}

static void test_refused_types(void **state)
{
	(void)state;
	refuse("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "object");
	refuse("{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", 20, "string");
	refuse("{'descr': '|S5', 'fortran_order': False, 'shape': (1,), }", 5, "string");
	refuse("{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }", 16, "complex");
	refuse("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", 8, "date");
	refuse("{'descr': [('a', '<f8'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,), }", 12, "structured");
	refuse("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", 16, "'<f16'");
	refuse("{'descr': '<i3', 'fortran_order': False, 'shape': (1,), }", 3, "'<i3'");
	refuse("{'descr': '', 'fortran_order': False, 'shape': (1,), }", 3, "type ''");
}

static void test_refused_headers(void **state)
{
	(void)state;
	refuse("", 0, "malformed");
	refuse("{", 0, "malformed");
	refuse("{}", 0, "missing");
	refuse("{'descr': '<f8'", 8, "malformed");
	refuse("{'descr': '<f8', 'fortran_order': False}", 8, "missing");
	refuse("{'descr': '<f8', 'fortran_order': None, 'shape': (1,)}", 8, "fortran_order");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': 1}", 8, "shape");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", 8, "shape");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (1 2)}", 8, "shape");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (1,", 8, "shape");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}", 8, "unknown key");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999,)}", 8, "too large");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 8, "more elements");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9223372036854775807)}", 0,
	       "more elements");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': "
	       "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
	       8, "32 axes");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 23, "truncated");
	refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 25, "more bytes");
}

static void test_truncated_anywhere(void **state)
{
	(void)state;
	unsigned char file[256];
	double elements[3] = {1, 2, 3};
	size_t total = make_file(file, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", elements,
				 sizeof elements);
	for (size_t size = 0; size < total; size++)
		for (int known = 0; known < 2; known++) {
			EntkArray array;
			EntkError error = {.status = ENTK_OK};
			assert_int_equal(read_file(file, size, known, &array, &error), ENTK_INPUT);
			assert_non_null(strstr(error.what, "truncated"));
		}
}

static void test_versions(void **state)
{
	(void)state;
	unsigned char file[256];
	EntkArray array;
	EntkError error;
	size_t total = make_file(file, 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", &(double){1}, 8);
	file[6] = 4;
	assert_int_equal(read_file(file, total, true, &array, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "version 4.0"));
	file[6] = 1;
	file[0] = 'x';
	assert_int_equal(read_file(file, total, true, &array, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "magic"));
}

/* Conversion and division while reading: uint8 images become x / 255, rounded once. */
static void test_conversion(void **state)
{
	(void)state;
	unsigned char file[256], pixels[] = {0, 85, 100, 255};
	float singles[4];
	double doubles[4];
	EntkNpyHeader header;
	EntkError error;
	size_t total = make_file(file, 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", pixels, 4);
	for (int pass = 0; pass < 2; pass++) {
		Bytes bytes = {file, total, 100};
		EntkStream stream = {read_bytes, &bytes, total, "test"};
		assert_int_equal(entk_npy_read_header(&stream, &header, &error), ENTK_OK);
		assert_int_equal(entk_npy_read_values(&stream, &header, pass ? ENTK_F64 : ENTK_F32, 255,
						      pass ? (void *)doubles : (void *)singles, &error),
				 ENTK_OK);
	}
	assert_true(doubles[0] == 0 && doubles[1] == 100.0 / 255 && doubles[2] == 85.0 / 255 && doubles[3] == 1);
	assert_true(singles[1] == (float)(100.0 / 255) && singles[3] == 1);
}

static void test_written_header(void **state)
{
	(void)state;
	char text[1024];
	static const size_t shape[3] = {2, 3, 4};
	for (unsigned rank = 0; rank <= 3; rank++) {
		size_t length = entk_npy_write_header(ENTK_F64, rank, shape, text);
		assert_int_equal(length % 64, 0);
		assert_int_equal(text[length - 1], '\n');
		Bytes bytes = {(const unsigned char *)text, length, 100};
		EntkStream stream = {read_bytes, &bytes, ENTK_UNKNOWN_SIZE, "test"};
		EntkNpyHeader header;
		EntkError error;
		assert_int_equal(entk_npy_read_header(&stream, &header, &error), ENTK_OK);
		assert_int_equal(header.type, ENTK_F64);
		assert_int_equal(header.rank, rank);
		assert_memory_equal(header.shape, shape, rank * sizeof *shape);
		assert_false(header.fortran);
	}
	/* The largest header that there can be fits. */
	size_t large[ENTK_MAX_RANK];
	for (unsigned a = 0; a < ENTK_MAX_RANK; a++)
		large[a] = SIZE_MAX;
	assert_true(entk_npy_write_header(ENTK_U8, ENTK_MAX_RANK, large, text) <= sizeof text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_refused_types),
		cmocka_unit_test(test_refused_headers),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_conversion),
		cmocka_unit_test(test_written_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
