/* See place.h. Matrices are far larger than any cache and are not read again soon. So where the machine can, whole lines go past the caches,
 * which keep the samples instead; and memory is only written, while a line of an ordinary store is read first. */
#include "gram/place.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Rows whose mirror images are gathered before they are written: some lines for each of a few columns. */
#define ROWS 64

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

#ifdef __SSE2__
/* Lines that went past the caches are seen by other threads in no order of their own; from here on as after any store. */
static void finish(void)
{
	_mm_sfence();
}

static void write_line(double *to, const double *from)
{
	for (size_t k = 0; k < ENTK_LINE; k += 2)
		_mm_stream_pd(to + k, _mm_loadu_pd(from + k));
}

/* Two rows of two. */
static void turn_pair(const double *from, size_t from_stride, double *to, size_t to_stride)
{
	__m128d first = _mm_loadu_pd(from), second = _mm_loadu_pd(from + from_stride);
	_mm_storeu_pd(to, _mm_unpacklo_pd(first, second));
	_mm_storeu_pd(to + to_stride, _mm_unpackhi_pd(first, second));
}
#else
static void finish(void)
{
}

static void write_line(double *to, const double *from)
{
	memcpy(to, from, ENTK_LINE * sizeof *to);
}

static void turn_pair(const double *from, size_t from_stride, double *to, size_t to_stride)
{
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++)
			to[j * to_stride + i] = from[i * from_stride + j];
}
#endif

/* Parts of lines, at both ends, take the usual way: the neighbours' parts are written at another time. */
static void write_row(double *to, const double *from, size_t count)
{
	size_t head = smaller((ENTK_LINE - (uintptr_t)to / sizeof *to % ENTK_LINE) % ENTK_LINE, count), i = head;
	memcpy(to, from, head * sizeof *to);
	for (; i + ENTK_LINE <= count; i += ENTK_LINE)
		write_line(to + i, from + i);
	memcpy(to + i, from + i, (count - i) * sizeof *to);
}

size_t entk_block_start(const EntkBlock *block, size_t i)
{
	size_t row = block->range.row + i, column = block->range.column;
	return block->symmetric && row > column ? smaller(row - column, block->range.columns) : 0;
}

void entk_place(const EntkBlock *block, double *to, size_t stride)
{
	for (size_t i = 0; i < block->range.rows; i++) {
		size_t start = entk_block_start(block, i);
		write_row(to + i * stride + start, block->values + i * block->stride + start,
			  block->range.columns - start);
	}
	finish();
}

/* turned[column][row] = from[row][column]. */
static void turn(const double *from, size_t stride, size_t rows, size_t columns, double turned[ENTK_LINE][ROWS])
{
	size_t i = 0;
	for (; columns == ENTK_LINE && i + 2 <= rows; i += 2)
		for (size_t j = 0; j < ENTK_LINE; j += 2)
			turn_pair(from + i * stride + j, stride, &turned[j][i], ROWS);
	for (; i < rows; i++)
		for (size_t j = 0; j < columns; j++)
			turned[j][i] = from[i * stride + j];
}

/* Rows [top, top + rows) of the block, its columns [left, left + columns). */
static void mirror_piece(const EntkBlock *block, size_t top, size_t rows, size_t left, size_t columns, double *to,
			 size_t stride)
{
	double turned[ENTK_LINE][ROWS];
	size_t row = block->range.row + top;
	turn(block->values + top * block->stride + left, block->stride, rows, columns, turned);
	for (size_t j = 0; j < columns; j++) {
		size_t column = block->range.column + left + j;
		/* Of a column, the rows before its own. */
		size_t wanted = column > row ? smaller(column - row, rows) : 0;
		write_row(to + (left + j) * stride + top, turned[j], wanted);
	}
}

void entk_place_mirrored(const EntkBlock *block, size_t columns, double *to, size_t stride)
{
	for (size_t top = 0; top < block->range.rows; top += ROWS)
		for (size_t left = 0; left < columns; left += ENTK_LINE)
			mirror_piece(block, top, smaller(ROWS, block->range.rows - top), left,
				     smaller(ENTK_LINE, columns - left), to, stride);
	finish();
}
