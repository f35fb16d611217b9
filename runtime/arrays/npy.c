/* The .npy format. The header is a Python dictionary of three known keys; a small parser reads exactly that and
 * refuses everything else, since the file comes from anywhere. */
#include "arrays/npy.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned char size;
	bool integer;
	char code; /* NumPy's letter; with the size it is the dtype */
} types[] = {
	[ENTK_BOOL] = {"bool", 1, true, 'b'},    [ENTK_U8] = {"uint8", 1, true, 'u'},
	[ENTK_I8] = {"int8", 1, true, 'i'},      [ENTK_U16] = {"uint16", 2, true, 'u'},
	[ENTK_I16] = {"int16", 2, true, 'i'},    [ENTK_U32] = {"uint32", 4, true, 'u'},
	[ENTK_I32] = {"int32", 4, true, 'i'},    [ENTK_U64] = {"uint64", 8, true, 'u'},
	[ENTK_I64] = {"int64", 8, true, 'i'},    [ENTK_F16] = {"float16", 2, false, 'f'},
	[ENTK_F32] = {"float32", 4, false, 'f'}, [ENTK_F64] = {"float64", 8, false, 'f'},
};

#define TYPE_COUNT (sizeof types / sizeof types[0])

/* Python itself writes headers of about 128 bytes; structured types can be longer, but not by this much. */
#define MAX_HEADER (1u << 20)

size_t entk_type_size(EntkType type)
{
	return types[type].size;
}

const char *entk_type_name(EntkType type)
{
	return types[type].name;
}

bool entk_type_is_integer(EntkType type)
{
	return types[type].integer;
}

void entk_array_destroy(EntkArray *array)
{
	free(array->data);
	memset(array, 0, sizeof *array);
}

/* IEEE half precision. */
static double half_value(uint16_t bits)
{
	int exponent = (bits >> 10) & 31;
	double mantissa = bits & 1023;
	double value = exponent == 31  ? (mantissa != 0 ? NAN : INFINITY)
		       : exponent == 0 ? ldexp(mantissa, -24)
				       : ldexp(1024 + mantissa, exponent - 25);
	return bits & 0x8000 ? -value : value;
}

/* `bytes` need not be aligned. */
static double element_value(EntkType type, const unsigned char *bytes)
{
	uint16_t u16;
	int16_t i16;
	uint32_t u32;
	int32_t i32;
	uint64_t u64;
	int64_t i64;
	float f32;
	double f64;
	switch (type) {
	case ENTK_BOOL:
		return *bytes != 0;
	case ENTK_U8:
		return *bytes;
	case ENTK_I8:
		return (signed char)*bytes;
	case ENTK_U16:
		return memcpy(&u16, bytes, 2), u16;
	case ENTK_I16:
		return memcpy(&i16, bytes, 2), i16;
	case ENTK_U32:
		return memcpy(&u32, bytes, 4), u32;
	case ENTK_I32:
		return memcpy(&i32, bytes, 4), i32;
	case ENTK_U64:
		return memcpy(&u64, bytes, 8), (double)u64;
	case ENTK_I64:
		return memcpy(&i64, bytes, 8), (double)i64;
	case ENTK_F16:
		return memcpy(&u16, bytes, 2), half_value(u16);
	case ENTK_F32:
		return memcpy(&f32, bytes, 4), f32;
	case ENTK_F64:
		return memcpy(&f64, bytes, 8), f64;
	}
	return NAN;
}

double entk_array_get(const EntkArray *array, size_t i)
{
	return element_value(array->type, (const unsigned char *)array->data + i * types[array->type].size);
}

int64_t entk_array_get_integer(const EntkArray *array, size_t i)
{
	const unsigned char *bytes = (const unsigned char *)array->data + i * types[array->type].size;
	uint64_t u64;
	int64_t i64;
	if (array->type == ENTK_I64)
		return memcpy(&i64, bytes, 8), i64;
	if (array->type == ENTK_U64)
		return memcpy(&u64, bytes, 8), u64 > INT64_MAX ? INT64_MAX : (int64_t)u64;
	return (int64_t)element_value(array->type, bytes);
}

const char *entk_shape_text(unsigned rank, const size_t *shape, char *text, size_t size)
{
	size_t length = (size_t)snprintf(text, size, "(");
	for (unsigned a = 0; a < rank && length < size; a++)
		length += (size_t)snprintf(text + length, size - length,
					   rank == 1      ? "%zu,"
					   : a + 1 < rank ? "%zu, "
							  : "%zu",
					   shape[a]);
	if (length < size)
		snprintf(text + length, size - length, ")");
	return text;
}

/* ---- header ---------------------------------------------------------------------------------------------------- */

/* Reads exactly `size` bytes, or fails with "truncated". `what` says what they are. */
static EntkStatus read_exactly(EntkStream *stream, void *bytes, size_t size, const char *what, EntkError *error)
{
	size_t done = 0;
	while (done < size) {
		ptrdiff_t got = stream->read(stream->context, (char *)bytes + done, size - done, error);
		if (got < 0)
			return error->status;
		if (got == 0)
			return entk_fail(error, ENTK_INPUT, stream->name, "truncated: the file ends inside %s", what);
		done += (size_t)got;
	}
	return ENTK_OK;
}

typedef struct Cursor {
	const char *at, *end;
} Cursor;

static void skip_blanks(Cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
		c->at++;
}

static bool take(Cursor *c, char wanted)
{
	skip_blanks(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_word(Cursor *c, const char *word)
{
	size_t length = strlen(word);
	skip_blanks(c);
	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
		return false;
	c->at += length;
	return true;
}

/* A Python string without escapes. */
static bool take_string(Cursor *c, char *text, size_t size)
{
	skip_blanks(c);
	if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
		return false;
	char quote = *c->at++;
	size_t length = 0;
	while (c->at < c->end && *c->at != quote) {
		if (length + 1 >= size)
			return false;
		text[length++] = *c->at++;
	}
	text[length] = '\0';
	return take(c, quote);
}

static EntkStatus bad_header(const EntkStream *stream, const char *what, EntkError *error)
{
	entk_fail(error, ENTK_INPUT, stream->name, "malformed .npy header: %s", what);
	return entk_fix(error, "write the file anew with numpy.save or numpy.savez");
}

static EntkStatus unsupported_type(const EntkStream *stream, const char *name, EntkError *error)
{
	entk_fail(error, ENTK_INPUT, stream->name,
		  "elements of type %s, expected numbers (bool, integers, float16, float32 or float64)", name);
	return entk_fix(error, "convert the array, for example with x.astype('float64'), and save it again");
}

/* What NumPy's dtype() understands beside letter and size. Its own files never have these names, but it reads them. */
static bool type_by_name(const char *name, EntkType *type)
{
	static const struct {
		const char *name;
		EntkType type;
	} others[] = {
		{"?", ENTK_BOOL},     {"b", ENTK_I8},       {"B", ENTK_U8},      {"h", ENTK_I16},   {"H", ENTK_U16},
		{"i", ENTK_I32},      {"I", ENTK_U32},      {"l", ENTK_I64},     {"L", ENTK_U64},   {"q", ENTK_I64},
		{"Q", ENTK_U64},      {"e", ENTK_F16},      {"f", ENTK_F32},     {"d", ENTK_F64},   {"half", ENTK_F16},
		{"single", ENTK_F32}, {"double", ENTK_F64}, {"float", ENTK_F64}, {"int", ENTK_I64},
	};
	for (size_t t = 0; t < TYPE_COUNT; t++)
		if (strcmp(name, types[t].name) == 0)
			return *type = (EntkType)t, true;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(name, others[i].name) == 0)
			return *type = others[i].type, true;
	return false;
}

static EntkStatus parse_type(const EntkStream *stream, Cursor *c, EntkNpyHeader *header, EntkError *error)
{
	char text[64], shown[80];
	skip_blanks(c);
	if (c->at < c->end && *c->at == '[')
		return unsupported_type(stream, "structured records", error);
	if (!take_string(c, text, sizeof text))
		return bad_header(stream, "no type in 'descr'", error);
	const char *code = text;
	char order = '|';
	if (*code && strchr("<>|=", *code))
		order = *code++;
	const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	if (type_by_name(code, &header->type)) {
		header->swap = types[header->type].size > 1 && order == (little ? '>' : '<');
		return ENTK_OK;
	}
	if (*code == 'O')
		return unsupported_type(stream, "object (Python objects)", error);
	if (*code == 'S' || *code == 'U' || *code == 'a')
		return unsupported_type(stream, "string", error);
	if (*code == 'c')
		return unsupported_type(stream, "complex", error);
	if (*code == 'M' || *code == 'm')
		return unsupported_type(stream, "date or time", error);
	for (size_t t = 0; t < TYPE_COUNT; t++)
		if (code[0] == types[t].code && code[1] == '0' + types[t].size && code[2] == '\0') {
			header->type = (EntkType)t;
			header->swap = types[t].size > 1 && order == (little ? '>' : '<');
			return ENTK_OK;
		}
	snprintf(shown, sizeof shown, "'%s'", text);
	return unsupported_type(stream, shown, error);
}

static EntkStatus parse_shape(const EntkStream *stream, Cursor *c, EntkNpyHeader *header, EntkError *error)
{
	if (!take(c, '('))
		return bad_header(stream, "'shape' is not a tuple", error);
	header->rank = 0;
	header->count = 1;
	bool empty = false;
	size_t nonzero = 1; /* (0, 2^40, 2^40) must not overflow later products either */
	while (!take(c, ')')) {
		size_t length = 0;
		if (header->rank == ENTK_MAX_RANK)
			return bad_header(stream, "more than 32 axes", error);
		skip_blanks(c);
		if (c->at == c->end || !isdigit((unsigned char)*c->at))
			return bad_header(stream, "'shape' is not a tuple of sizes", error);
		for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
			if (!entk_multiply(length, 10, &length) ||
			    __builtin_add_overflow(length, (size_t)(*c->at - '0'), &length))
				return bad_header(stream, "a size in 'shape' is too large", error);
		if (c->at < c->end && *c->at == 'L') /* Python 2 */
			c->at++;
		header->shape[header->rank++] = length;
		if (length == 0)
			empty = true;
		else if (!entk_multiply(nonzero, length, &nonzero) || nonzero > PTRDIFF_MAX / 16)
			return bad_header(stream, "'shape' has more elements than memory can hold", error);
		if (!take(c, ',')) {
			if (!take(c, ')'))
				return bad_header(stream, "'shape' is not a tuple of sizes", error);
			break;
		}
	}
	header->count = empty ? 0 : nonzero;
	return ENTK_OK;
}

static EntkStatus parse_dictionary(const EntkStream *stream, const char *text, size_t size, EntkNpyHeader *header,
				   EntkError *error)
{
	Cursor c = {text, text + size};
	bool has_type = false, has_order = false, has_shape = false;
	if (!take(&c, '{'))
		return bad_header(stream, "no dictionary", error);
	while (!take(&c, '}')) {
		char key[32];
		if (!take_string(&c, key, sizeof key) || !take(&c, ':'))
			return bad_header(stream, "no dictionary", error);
		EntkStatus status = ENTK_OK;
		if (strcmp(key, "descr") == 0) {
			has_type = true;
			status = parse_type(stream, &c, header, error);
		} else if (strcmp(key, "fortran_order") == 0) {
			has_order = true;
			header->fortran = take_word(&c, "True");
			if (!header->fortran && !take_word(&c, "False"))
				status = bad_header(stream, "'fortran_order' is neither True nor False", error);
		} else if (strcmp(key, "shape") == 0) {
			has_shape = true;
			status = parse_shape(stream, &c, header, error);
		} else {
			status = bad_header(stream, "an unknown key", error);
		}
		if (status != ENTK_OK)
			return status;
		if (!take(&c, ',')) {
			if (!take(&c, '}'))
				return bad_header(stream, "no dictionary", error);
			break;
		}
	}
	if (!has_type || !has_order || !has_shape)
		return bad_header(stream, "one of 'descr', 'fortran_order', 'shape' is missing", error);
	return ENTK_OK;
}

EntkStatus entk_npy_read_header(EntkStream *stream, EntkNpyHeader *header, EntkError *error)
{
	unsigned char start[12];
	memset(header, 0, sizeof *header);
	EntkStatus status = read_exactly(stream, start, 8, "the .npy header", error);
	if (status != ENTK_OK)
		return status;
	if (memcmp(start, "\x93NUMPY", 6) != 0) {
		entk_fail(error, ENTK_INPUT, stream->name, "not an array: the .npy magic bytes are missing");
		return entk_fix(error, "save it with numpy.save or numpy.savez");
	}
	if (start[6] < 1 || start[6] > 3)
		return entk_fail(error, ENTK_INPUT, stream->name, ".npy format version %u.%u, expected 1.0 to 3.0",
				 start[6], start[7]);
	size_t width = start[6] == 1 ? 2 : 4, length = 0;
	status = read_exactly(stream, start + 8, width, "the .npy header", error);
	if (status != ENTK_OK)
		return status;
	for (size_t i = width; i-- > 0;)
		length = length << 8 | start[8 + i];
	size_t before = 8 + width;
	if (stream->size != ENTK_UNKNOWN_SIZE && (stream->size < before || length > stream->size - before))
		return entk_fail(error, ENTK_INPUT, stream->name, "truncated: the file ends inside the .npy header");
	if (length > MAX_HEADER)
		return bad_header(stream, "longer than 1 MB", error);
	char *text = entk_allocate(length, 1, "a .npy header", error);
	if (!text)
		return error->status;
	status = read_exactly(stream, text, length, "the .npy header", error);
	if (status == ENTK_OK)
		status = parse_dictionary(stream, text, length, header, error);
	free(text);
	if (status != ENTK_OK)
		return status;
	size_t bytes = header->count * types[header->type].size; /* fits: parse_shape bounds the count */
	if (stream->size != ENTK_UNKNOWN_SIZE && bytes > stream->size - before - length) {
		char shape[256];
		return entk_fail(error, ENTK_INPUT, stream->name,
				 "truncated: shape %s of %s needs %zu bytes, the file has %zu",
				 entk_shape_text(header->rank, header->shape, shape, sizeof shape),
				 types[header->type].name, bytes, stream->size - before - length);
	}
	return ENTK_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static void swap_bytes(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		unsigned char other = bytes[size - 1 - i];
		bytes[size - 1 - i] = bytes[i];
		bytes[i] = other;
	}
}

/* Where the next element of the file belongs in row-major order: counts up like an odometer, first index fastest. */
typedef struct Walk {
	const EntkNpyHeader *header;
	size_t index[ENTK_MAX_RANK], stride[ENTK_MAX_RANK];
	size_t place;
} Walk;

static Walk walk_begin(const EntkNpyHeader *header)
{
	Walk walk = {.header = header};
	size_t stride = 1;
	for (unsigned a = header->rank; a-- > 0;) {
		walk.stride[a] = stride;
		stride *= header->shape[a] ? header->shape[a] : 1;
	}
	return walk;
}

static void walk_next(Walk *walk)
{
	if (!walk->header->fortran) {
		walk->place++;
		return;
	}
	for (unsigned a = 0; a < walk->header->rank; a++) {
		walk->place += walk->stride[a];
		if (++walk->index[a] < walk->header->shape[a])
			return;
		walk->place -= walk->stride[a] * walk->header->shape[a];
		walk->index[a] = 0;
	}
}

static void store_value(EntkType type, void *values, size_t place, double value)
{
	if (type == ENTK_F32)
		((float *)values)[place] = (float)value;
	else
		((double *)values)[place] = value;
}

EntkStatus entk_npy_read_values(EntkStream *stream, const EntkNpyHeader *header, EntkType type, double divisor,
				void *values, EntkError *error)
{
	unsigned char chunk[1 << 14];
	const size_t size = types[header->type].size;
	const bool convert = type != header->type || divisor != 1;
	Walk walk = walk_begin(header);
	if (convert && type != ENTK_F32 && type != ENTK_F64)
		return entk_fail(error, ENTK_INTERNAL, stream->name, "cannot convert %s to %s",
				 types[header->type].name, types[type].name);
	for (size_t left = header->count; left > 0;) {
		size_t count = sizeof chunk / size < left ? sizeof chunk / size : left;
		EntkStatus status = read_exactly(stream, chunk, count * size, "the array's elements", error);
		if (status != ENTK_OK)
			return status;
		if (header->swap)
			for (size_t i = 0; i < count; i++)
				swap_bytes(chunk + i * size, size);
		if (!convert && !header->fortran) {
			memcpy((char *)values + walk.place * size, chunk, count * size);
			walk.place += count;
		} else {
			for (size_t i = 0; i < count; i++, walk_next(&walk)) {
				if (convert)
					store_value(type, values, walk.place,
						    element_value(header->type, chunk + i * size) / divisor);
				else
					memcpy((char *)values + walk.place * size, chunk + i * size, size);
			}
		}
		left -= count;
	}
	/* Reading to the end lets a zip check its CRC, and catches a header that says less than the file holds. */
	ptrdiff_t more = stream->read(stream->context, chunk, 1, error);
	if (more < 0)
		return error->status;
	if (more > 0)
		return entk_fail(error, ENTK_INPUT, stream->name, "more bytes than the array's shape says");
	return ENTK_OK;
}

EntkStatus entk_npy_read(EntkStream *stream, EntkArray *array, EntkError *error)
{
	EntkNpyHeader header;
	memset(array, 0, sizeof *array);
	EntkStatus status = entk_npy_read_header(stream, &header, error);
	if (status != ENTK_OK)
		return status;
	array->type = header.type == ENTK_F16 ? ENTK_F32 : header.type;
	array->rank = header.rank;
	memcpy(array->shape, header.shape, sizeof header.shape);
	array->count = header.count;
	array->data = entk_allocate(header.count, types[array->type].size, "an array", error);
	if (!array->data)
		status = entk_fail(error, ENTK_MEMORY, stream->name, "out of memory: the array needs %zu bytes",
				   header.count * types[array->type].size);
	else
		status = entk_npy_read_values(stream, &header, array->type, 1, array->data, error);
	if (status != ENTK_OK)
		entk_array_destroy(array);
	return status;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

size_t entk_npy_write_header(EntkType type, unsigned rank, const size_t *shape, char *text)
{
	const char order = types[type].size == 1 ? '|' : __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
	char shape_text[800];
	entk_shape_text(rank, shape, shape_text, sizeof shape_text);
	int written = snprintf(text + 10, 1014, "{'descr': '%c%c%u', 'fortran_order': False, 'shape': %s, }", order,
			       types[type].code, types[type].size, shape_text);
	size_t length = 10 + (size_t)written;
	size_t total = (length + 1 + 63) / 64 * 64; /* elements start at a multiple of 64, as NumPy has it */
	memset(text + length, ' ', total - length - 1);
	text[total - 1] = '\n';
	memcpy(text, "\x93NUMPY\x01\x00", 8);
	text[8] = (char)((total - 10) & 255);
	text[9] = (char)((total - 10) >> 8);
	return total;
}
