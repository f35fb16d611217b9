/* The form of a statement: all that its instructions depend on, but for the numbers that a call of them can be given. Two
 * statements of one form are one function (piece.c). */
#ifndef ENTK_EMIT_FORM_H
#define ENTK_EMIT_FORM_H

#include "emit/internal.h"

/* What a statement names, each once, in the order in which it is first met. */
typedef struct Form {
	Arena *arena;
	const RecFrames *frames;
	char *text;
	size_t length, capacity;
	RecBase *bases; /* displacement variables */
	uint32_t base_count, base_capacity;
	const RecBuffer **buffers;
	uint32_t buffer_count, buffer_capacity;
	const RecVar **vars;
	uint32_t var_count, var_capacity;
	int32_t *coefs;
	uint32_t coef_count, coef_capacity;
} Form;

/* Nests, waves of rows and halos; false: a loop, or a statement without instructions worth a call. */
bool emit_form(Arena *arena, const Emit *e, const RecStmt *s, Form *form);

#endif
